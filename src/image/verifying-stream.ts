import { createHash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { DigestMismatchError, SizeMismatchError } from '../layer/index.js';
import { digestAlgorithm, finishDigest, type Descriptor } from '../oci/index.js';

/** Passes on a blob's bytes, and fails at its end unless they are the right ones. */
export class VerifyingStream extends Transform {
  readonly #blob: Descriptor;
  readonly #onProgress: ((sent: number) => void) | undefined;
  readonly #hash;
  #length = 0;

  constructor(blob: Descriptor, onProgress: ((sent: number) => void) | undefined) {
    super({ highWaterMark: 256 * 1024 });
    this.#blob = blob;
    this.#onProgress = onProgress;
    this.#hash = createHash(digestAlgorithm(blob.digest));
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    this.#length += chunk.length;
    this.#onProgress?.(this.#length);
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    const { digest, size } = this.#blob;
    const actual = finishDigest(this.#hash, digestAlgorithm(digest));
    if (this.#length !== size) done(new SizeMismatchError(digest, size, this.#length));
    else done(actual === digest ? null : new DigestMismatchError(digest, actual));
  }
}
