import { Transform, type TransformCallback } from 'node:stream';
import type { Descriptor } from '../oci/index.js';
import { BlobCheck } from './blob-check.js';

/**
 * Passes on a blob's bytes, and fails at its end unless they are the right ones. The last of them
 * are held back until that is known, so that nobody gets a wrong blob whole.
 */
export class VerifyingStream extends Transform {
  readonly #check: BlobCheck;
  readonly #onProgress: ((sent: number) => void) | undefined;
  #last: Buffer | undefined;

  constructor(blob: Descriptor, onProgress?: (sent: number) => void) {
    super({ highWaterMark: 256 * 1024 });
    this.#check = new BlobCheck(blob);
    this.#onProgress = onProgress;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#check.update(chunk);
    this.#onProgress?.(this.#check.length);
    const before = this.#last;
    this.#last = chunk;
    done(null, before);
  }

  override _flush(done: TransformCallback): void {
    try {
      this.#check.finish();
      done(null, this.#last);
    } catch (error) {
      done(error as Error);
    }
  }
}
