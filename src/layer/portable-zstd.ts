import { Duplex } from 'node:stream';
import { ZstdDecoder } from './zstd-decoder.js';
import { openZstdLibrary } from './zstd-library.js';

type Done = (error?: Error | null) => void;

/**
 * Decompresses zstd where node:zlib can't. Not a Transform, which waits for its reader between
 * chunks alone: one of 64 KiB may hold 2 GiB.
 */
export class PortableZstd extends Duplex {
  readonly #chunkSize: number;
  /** Its memory goes with it when the stream is destroyed. */
  #decoder: ZstdDecoder | undefined;
  /** What to do when the reader takes more. */
  #resume: (() => void) | undefined;

  constructor({ chunkSize }: { readonly chunkSize: number }) {
    super();
    this.#chunkSize = chunkSize;
  }

  override _construct(done: Done): void {
    openZstdLibrary().then((library) => {
      if (!this.destroyed) this.#decoder = new ZstdDecoder(library, this.#chunkSize);
      done();
    }, done);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.#decoder !== undefined) this.#push(this.#decoder.decode(chunk), done);
  }

  override _final(done: Done): void {
    if (this.#decoder?.isBetweenFrames !== true) {
      done(new Error('unexpected end of file'));
      return;
    }
    this.push(null);
    done();
  }

  override _read(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#decoder = undefined;
    this.#resume = undefined;
    done(error);
  }

  /** Hands pieces on for as long as the reader takes them. */
  #push(pieces: Iterator<Buffer>, done: Done): void {
    try {
      for (let piece = pieces.next(); piece.done !== true; piece = pieces.next()) {
        const isWanted = this.push(piece.value);
        if (this.destroyed) return;
        if (!isWanted) {
          this.#resume = () => this.#push(pieces, done);
          return;
        }
      }
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  }
}
