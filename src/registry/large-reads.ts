import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import { forgetPieces, giveBack, pieceSize, takePiece } from './lent-memory.js';

/** Bytes that a socket reads at a time at least. */
const leastSize = 64 * 1024;
/** Bytes that many sockets read at a time, all together, where that leaves each the least. */
const allReads = 3 * pieceSize;
/** Sockets that are read into memory of their own at most. */
const mostLent = 8;
/** Bytes of a read that the next one, which may be as large, isn't to go behind in the same piece. */
const largeSize = pieceSize / 2;
/** Bytes of a piece that are too few for another read. */
const leastRoom = pieceSize / 4;

/** What a read brings is copied from here before the next one begins, whichever socket's that is. */
let shared: Buffer | undefined;
const open = new Set<Socket>();

/**
 * Connects without TLS to sockets that are read in pieces of up to 512 KiB, where Node's own are of
 * 64 KiB: each takes the same way through the socket, the parser and the streams behind. These all
 * hold a piece or two, so that the pieces are smaller the more sockets are open. TLS has records of
 * 16 KiB, which this wouldn't make larger.
 *
 * Few sockets read into memory that they lend to whoever reads the bytes, to be given back: small reads
 * one behind the other into the same piece.
 */
export function largeReads(options: buildConnector.BuildOptions): buildConnector.connector {
  // There a read takes its memory along before it has bytes, so that none can be shared.
  if (process.platform === 'win32') return buildConnector(options);
  return (to, done) => {
    let socket: Socket | undefined;
    /** What is left of a piece. */
    let room: Buffer | undefined;
    const onread = {
      buffer: () => {
        // How many are open isn't known before the connections are made that begin together.
        if (socket === undefined) return memoryOf(leastSize);
        return open.size > mostLent ? memoryOf(share()) : (room ??= takePiece());
      },
      // What is read this way isn't given to the stream by Node, nor held back from it.
      callback: (size: number, bytes: Uint8Array): boolean => {
        if (bytes !== room) return socket?.push(Buffer.from(bytes.subarray(0, size))) ?? false;
        const chunk = room.subarray(0, size);
        room = room.subarray(size);
        if (size >= largeSize || room.length < leastRoom) leaveRoom();
        return socket?.push(chunk) ?? false;
      },
    };
    const leaveRoom = (): void => {
      if (room !== undefined) giveBack(room);
      room = undefined;
    };
    const connect = buildConnector({ ...options, onread });
    connect(to, (...outcome) => {
      socket = outcome[1] ?? undefined;
      if (socket !== undefined) countAsOpen(socket.once('close', leaveRoom));
      done(...outcome);
    });
  };
}

function memoryOf(size: number): Buffer {
  shared ??= Buffer.allocUnsafeSlow(pieceSize);
  return shared.subarray(0, size);
}

function share(): number {
  return Math.max(leastSize, Math.floor(allReads / open.size));
}

function countAsOpen(socket: Socket): void {
  open.add(socket);
  socket.once('close', () => {
    open.delete(socket);
    if (open.size === 0) forgetPieces();
  });
}
