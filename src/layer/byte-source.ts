const empty = Buffer.alloc(0);

/** Chunks of bytes; a source that can pass over some without reading them has `skip`. */
export type Chunks = AsyncIterable<Buffer> & {
  /** Passes over so many bytes. */
  skip?(length: number): void;
};

/** Reads a stream of chunks in pieces of the sizes that its reader wants. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #skip: ((length: number) => void) | undefined;
  #rest: Buffer = empty;
  #position = 0;

  constructor(chunks: Chunks) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#skip = chunks.skip?.bind(chunks);
  }

  /** Bytes that were read. */
  get position(): number {
    return this.#position;
  }

  /** So many bytes, or fewer at the end. They are kept together: for small pieces. */
  async take(length: number): Promise<Buffer> {
    if (this.#rest.length >= length) return this.#cut(length);
    const pieces: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const piece = await this.some(missing);
      if (piece === undefined) break;
      pieces.push(piece);
      missing -= piece.length;
    }
    return pieces.length === 1 ? (pieces[0] ?? empty) : Buffer.concat(pieces);
  }

  /** The next bytes, as many as there are but no more than `most`; `undefined` at the end. */
  async some(most: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      this.#rest = next.value;
    }
    return this.#cut(Math.min(most, this.#rest.length));
  }

  /** Passes over so many bytes; tells how many it couldn't, because the stream ended. */
  async skip(length: number): Promise<number> {
    let missing = length;
    while (missing > 0) {
      if (this.#rest.length === 0 && this.#skip !== undefined) {
        // Where the end is shows with the next read.
        this.#skip(missing);
        this.#position += missing;
        return 0;
      }
      const piece = await this.some(missing);
      if (piece === undefined) break;
      missing -= piece.length;
    }
    return missing;
  }

  /** Ends the stream. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #cut(length: number): Buffer {
    const piece = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    this.#position += length;
    return piece;
  }
}
