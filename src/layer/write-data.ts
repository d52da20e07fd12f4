import * as fs from 'node:fs';
import { InvalidLayerError } from './errors.js';
import type { TarEntry } from './tar-reader.js';
import type { SparseFile } from './tar-sparse.js';

/** Above this, a file's chunks are written off the main thread. */
const largeFile = 1024 * 1024;

/** Writes an entry's data to an open, empty file, with its holes where it has some. */
export async function writeData(descriptor: number, entry: TarEntry): Promise<void> {
  const isLarge = entry.stored.length > largeFile;
  const write = isLarge ? writeAll : writeAllSync;
  if (entry.sparse !== undefined) {
    await writePieces(descriptor, entry.data, entry.sparse, write);
    return;
  }
  for await (const chunk of entry.data) {
    const writing = write(descriptor, chunk, null);
    if (writing !== undefined) await writing;
  }
}

type Write = (
  descriptor: number,
  bytes: Buffer,
  position: number | null,
) => Promise<void> | undefined;

async function writePieces(
  descriptor: number,
  data: AsyncIterable<Buffer>,
  { size, pieces }: SparseFile,
  write: Write,
): Promise<void> {
  // A file system refuses a size that it can't keep, before anything is written.
  fs.ftruncateSync(descriptor, size);
  const open = pieces.filter(([, length]) => length > 0)[Symbol.iterator]();
  let [position, missing] = [0, 0];
  for await (const chunk of data) {
    let rest = chunk;
    while (rest.length > 0) {
      if (missing === 0) [position, missing] = nextPiece(open);
      const part = rest.subarray(0, missing);
      await write(descriptor, part, position);
      position += part.length;
      missing -= part.length;
      rest = rest.subarray(part.length);
    }
  }
}

function nextPiece(open: Iterator<readonly [number, number]>): readonly [number, number] {
  const next = open.next();
  if (next.done !== true) return next.value;
  throw new InvalidLayerError(undefined, 'a sparse file has more data than its map says');
}

function writeAllSync(descriptor: number, bytes: Buffer, position: number | null): undefined {
  let written = 0;
  while (written < bytes.length) {
    const place = position === null ? null : position + written;
    written += fs.writeSync(descriptor, bytes, written, bytes.length - written, place);
  }
}

async function writeAll(descriptor: number, bytes: Buffer, position: number | null): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const place = position === null ? null : position + written;
    written += await new Promise<number>((resolve, reject) => {
      fs.write(descriptor, bytes, written, bytes.length - written, place, (error, count) => {
        if (error) reject(error);
        else resolve(count);
      });
    });
  }
}
