import { Transform, type TransformCallback } from 'node:stream';
import type { Descriptor } from '../oci/index.js';
import { BlobCheck } from './blob-check.js';

/** Passes on a blob's bytes, and fails at its end unless they are the right ones. */
export class VerifyingStream extends Transform {
  readonly #check: BlobCheck;
  readonly #onProgress: ((sent: number) => void) | undefined;

  constructor(blob: Descriptor, onProgress: ((sent: number) => void) | undefined) {
    super({ highWaterMark: 256 * 1024 });
    this.#check = new BlobCheck(blob);
    this.#onProgress = onProgress;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#check.update(chunk);
    this.#onProgress?.(this.#check.length);
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    try {
      this.#check.finish();
      done();
    } catch (error) {
      done(error as Error);
    }
  }
}
