import type { Socket } from 'node:net';
import { buildConnector } from 'undici';

/** Bytes that are read at a time, at most. */
const readSize = 512 * 1024;

/**
 * Connects without TLS to sockets that are read in pieces of up to 512 KiB, where Node's own are of
 * 64 KiB: each takes the same way through the socket, the parser and the streams behind. TLS has
 * records of 16 KiB, which that wouldn't make larger.
 */
export function largeReads(options: buildConnector.BuildOptions): buildConnector.connector {
  return (to, done) => {
    let socket: Socket | undefined;
    const onread = {
      buffer: Buffer.allocUnsafeSlow(readSize),
      // What is read this way isn't given to the stream by Node, nor held back from it.
      callback: (size: number, bytes: Uint8Array): boolean =>
        socket?.push(Buffer.copyBytesFrom(bytes, 0, size)) ?? false,
    };
    const connect = buildConnector({ ...options, onread });
    connect(to, (...outcome) => {
      socket = outcome[1] ?? undefined;
      done(...outcome);
    });
  };
}
