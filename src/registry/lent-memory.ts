import { markAsUntransferable } from 'node:worker_threads';

/** Bytes of a piece of memory that sockets read into. */
export const pieceSize = 512 * 1024;
/** Bytes of pieces that wait for the next reads at most. */
const freeSize = 16 * 1024 * 1024;

/** Of the pieces that are in use: the bytes that weren't given back yet. */
const lent = new WeakMap<ArrayBufferLike, number>();
let free: Buffer[] = [];

/**
 * Memory to read into: what was given back, or new memory, whose first use costs as much as a copy.
 * All of it is lent, to be given back by whoever reads the bytes, and unused by whoever took it.
 */
export function takePiece(): Buffer {
  const piece = free.pop() ?? newPiece();
  lent.set(piece.buffer, pieceSize);
  return piece;
}

function newPiece(): Buffer {
  const piece = Buffer.allocUnsafeSlow(pieceSize);
  // Whoever gave a chunk's memory away to a worker would take it from the chunks beside, and from the
  // socket that reads into it.
  markAsUntransferable(piece.buffer);
  return piece;
}

/**
 * Takes back a chunk of what was lent, or a part of one. Nobody may look at it any more. What wasn't
 * lent, such as a copy, is left alone.
 */
export function giveBack({ buffer, length }: Buffer): void {
  const size = lent.get(buffer);
  if (size === undefined) return;
  if (size > length) {
    lent.set(buffer, size - length);
    return;
  }
  lent.delete(buffer);
  if ((free.length + 1) * pieceSize <= freeSize) free.push(Buffer.from(buffer));
}

/** Lets go of what waits for the next reads. */
export function forgetPieces(): void {
  free = [];
}
