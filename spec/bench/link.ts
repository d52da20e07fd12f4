import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';

/** How good a link is. */
export interface LinkQuality {
  /** Of each direction, shared by all connections. */
  readonly bytesPerSecond: number;
  /** How long bytes are on their way, one way, in ms. */
  readonly delay: number;
}

/** 200 Mbit/s with a round trip of 30 ms. */
export const slowLink: LinkQuality = { bytesPerSecond: 25_000_000, delay: 15 };

/** Where a server is reached through a link. */
export interface Link {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Ends all its connections. */
  close(): Promise<void>;
}

/**
 * A proxy on loopback that lets bytes through as a slower link would. It models the rate, the
 * delay and a round trip for each connection made, not TCP's slow start.
 */
export async function openLink(target: string, quality: LinkQuality): Promise<Link> {
  const [name = '', port = ''] = target.split(':');
  const [up, down] = [new Lane(quality), new Lane(quality)];
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), name);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        // What came to its end is still on its way to the other one, which ends after it.
        if (!socket.readableEnded) other.destroy();
      });
    }
    near.pipe(travel(up, 2 * quality.delay)).pipe(far);
    far.pipe(travel(down, 0)).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
      await once(server, 'close');
    },
  };
}

/** One direction: bytes leave it one after the other. */
class Lane {
  readonly #quality: LinkQuality;
  #freeAt = 0;

  constructor(quality: LinkQuality) {
    this.#quality = quality;
  }

  /** When so many bytes that are given to it now have left the near end, by performance.now. */
  leave(bytes: number): number {
    const begin = Math.max(performance.now(), this.#freeAt);
    this.#freeAt = begin + (bytes / this.#quality.bytesPerSecond) * 1000;
    return this.#freeAt;
  }

  get delay(): number {
    return this.#quality.delay;
  }
}

/** Takes bytes at the lane's rate and gives them on when they arrive; the first ones later. */
function travel(lane: Lane, handshake: number): Transform {
  let later = handshake;
  let arrived = Promise.resolve();
  return new Transform({
    transform(this: Transform, chunk: Buffer, _encoding, done: TransformCallback) {
      const left = lane.leave(chunk.length) + later;
      later = 0;
      // What is late doesn't let what follows pass it.
      arrived = Promise.all([arrived, until(left + lane.delay)]).then(() => void this.push(chunk));
      void until(left).then(() => done());
    },
    flush(done) {
      void arrived.then(() => done());
    },
  });
}

function until(time: number): Promise<void> {
  const left = time - performance.now();
  return left <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, left));
}
