import { createHash } from 'node:crypto';
import { DigestMismatchError, SizeMismatchError } from '../layer/index.js';
import { digestAlgorithm, finishDigest, type Descriptor } from '../oci/index.js';

/** Says at a blob's end whether its bytes were the right ones. */
export class BlobCheck {
  readonly #blob: Descriptor;
  readonly #hash;
  #length = 0;

  constructor(blob: Descriptor) {
    this.#blob = blob;
    this.#hash = createHash(digestAlgorithm(blob.digest));
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  update(chunk: Buffer): void {
    this.#hash.update(chunk);
    this.#length += chunk.length;
  }

  /** @throws SizeMismatchError, DigestMismatchError */
  finish(): void {
    const { digest, size } = this.#blob;
    if (this.#length !== size) throw new SizeMismatchError(digest, size, this.#length);
    const actual = finishDigest(this.#hash, digestAlgorithm(digest));
    if (actual !== digest) throw new DigestMismatchError(digest, actual);
  }
}
