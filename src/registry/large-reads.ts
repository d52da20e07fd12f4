import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import { forgetPieces, lend, pieceSize, takePiece } from './lent-memory.js';

/** Bytes that a socket reads at a time at least. */
const leastSize = 64 * 1024;
/** Bytes that many sockets read at a time, all together, where that leaves each the least. */
const allReads = 3 * pieceSize;
/** Sockets that are read into memory of their own at most. */
const mostLent = 8;
/** Bytes from which what was read takes its memory along, rather than being copied out of it. */
const lentSize = pieceSize / 2;

/** What a read brings is copied from here before the next one begins, whichever socket's that is. */
let shared: Buffer | undefined;
const open = new Set<Socket>();

/**
 * Connects without TLS to sockets that are read in pieces of up to 512 KiB, where Node's own are of
 * 64 KiB: each takes the same way through the socket, the parser and the streams behind. These all
 * hold a piece or two, so that the pieces are smaller the more sockets are open. TLS has records of
 * 16 KiB, which this wouldn't make larger.
 *
 * Few sockets read into memory that they lend to whoever reads the bytes, to be given back.
 */
export function largeReads(options: buildConnector.BuildOptions): buildConnector.connector {
  // There a read takes its memory along before it has bytes, so that none can be shared.
  if (process.platform === 'win32') return buildConnector(options);
  return (to, done) => {
    let socket: Socket | undefined;
    let piece: Buffer | undefined;
    const onread = {
      buffer: () => {
        // How many are open isn't known before the connections are made that begin together.
        if (socket === undefined) return memoryOf(leastSize);
        return open.size > mostLent ? memoryOf(share()) : (piece ??= takePiece());
      },
      // What is read this way isn't given to the stream by Node, nor held back from it.
      callback: (size: number, bytes: Uint8Array): boolean => {
        if (bytes !== piece || size < lentSize) {
          return socket?.push(Buffer.from(bytes.subarray(0, size))) ?? false;
        }
        const chunk = lend(piece, size);
        piece = undefined;
        return socket?.push(chunk) ?? false;
      },
    };
    const connect = buildConnector({ ...options, onread });
    connect(to, (...outcome) => {
      socket = outcome[1] ?? undefined;
      if (socket !== undefined) countAsOpen(socket);
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
