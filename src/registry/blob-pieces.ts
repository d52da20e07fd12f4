import { Readable } from 'node:stream';
import { BlobLengthError } from './errors.js';
import type { Concern } from './failures.js';

interface Cursor {
  readonly source: Readable;
  readonly chunks: AsyncIterator<Buffer>;
  offset: number;
  rest: Buffer;
}

/**
 * A blob read once, in pieces that are asked for one after the other. It is opened anew only
 * where a piece doesn't begin at the end of the last one.
 */
export class BlobPieces {
  readonly #open: (offset: number) => Promise<Readable>;
  readonly #concern: Concern;
  #cursor: Cursor | undefined;

  constructor(open: (offset: number) => Promise<Readable>, concern: Concern) {
    this.#open = open;
    this.#concern = concern;
  }

  /** The bytes from `begin` up to `end`. Ends the use of the piece before. */
  async piece(begin: number, end: number): Promise<Readable> {
    if (this.#cursor?.offset !== begin) {
      this.close();
      const source = await this.#open(begin);
      // Between two pieces nobody reads, and an error waits for the next one.
      source.on('error', () => undefined);
      const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      this.#cursor = { source, chunks, offset: begin, rest: Buffer.alloc(0) };
    }
    const bytes = taken(this.#cursor, end - begin, this.#concern);
    return Readable.from(bytes, { objectMode: false, highWaterMark: 256 * 1024 });
  }

  /** Lets go of the source. */
  close(): void {
    this.#cursor?.source.destroy();
    this.#cursor = undefined;
  }
}

async function* taken(cursor: Cursor, length: number, concern: Concern): AsyncGenerator<Buffer> {
  for (let left = length; left > 0;) {
    if (cursor.rest.length === 0) {
      const next = await cursor.chunks.next();
      if (next.done === true) {
        throw new BlobLengthError(`The source ended ${left} bytes before its time`, concern);
      }
      cursor.rest = next.value;
    }
    const chunk = cursor.rest.subarray(0, left);
    cursor.rest = cursor.rest.subarray(chunk.length);
    cursor.offset += chunk.length;
    left -= chunk.length;
    yield chunk;
  }
}
