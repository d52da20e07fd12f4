import type { DiffID, Digest } from '../oci/index.js';
import { RxferError } from '../transfer/index.js';

/** The bytes that arrived are not those that the descriptor promised. */
export class DigestMismatchError extends RxferError {
  override readonly name = 'DigestMismatchError';

  constructor(expected: Digest, actual: Digest) {
    super('ERR_DIGEST_MISMATCH', `The blob's bytes have the digest ${actual}, not ${expected}`, {
      digest: expected,
      hint: 'It was damaged or changed on its way; try again, or another registry or mirror.',
    });
  }
}

/** More bytes arrived than the descriptor promised, or the source ended for good before them. */
export class SizeMismatchError extends RxferError {
  override readonly name = 'SizeMismatchError';

  constructor(digest: Digest, expected: number, actual: number) {
    super('ERR_SIZE_MISMATCH', `The blob has ${actual} bytes, not ${expected}`, {
      digest,
      hint: 'It was damaged or changed on its way; try again, or another registry or mirror.',
    });
  }
}

/** Tells whether what was read isn't the blob, as against a failure to read it. */
export function isMismatch(error: unknown): error is DigestMismatchError | SizeMismatchError {
  return error instanceof DigestMismatchError || error instanceof SizeMismatchError;
}

/** The uncompressed layer is not the one that the image's configuration names. */
export class DiffIDMismatchError extends RxferError {
  override readonly name = 'DiffIDMismatchError';

  constructor(digest: Digest, expected: DiffID, actual: DiffID) {
    super('ERR_DIFF_ID_MISMATCH', `The layer unpacks to ${actual}, not to ${expected}`, {
      digest,
      hint: 'The manifest and the configuration of this image contradict each other; ask its publisher.',
    });
  }
}

/** A layer whose archive can't be unpacked: not the compression stated, damaged, or unsafe. */
export class InvalidLayerError extends RxferError {
  override readonly name = 'InvalidLayerError';
  /** What is wrong with it, as part of a sentence. */
  readonly problem: string;

  constructor(digest: Digest | undefined, problem: string, cause?: unknown) {
    super('ERR_INVALID_LAYER', `The layer can't be unpacked: ${problem}`, {
      ...(digest === undefined ? {} : { digest }),
      cause,
      hint: 'Nothing of it was kept. The image was published damaged or by a tool that breaks the specification.',
    });
    this.problem = problem;
  }

  /** The same of a layer that is known by now. */
  of(digest: Digest): InvalidLayerError {
    return this.digest === undefined
      ? new InvalidLayerError(digest, this.problem, this.cause)
      : this;
  }
}

/** A layer that would unpack to more than is allowed: too many bytes or entries. */
export class LayerLimitError extends RxferError {
  override readonly name = 'LayerLimitError';
  /** What there is too much of, as part of a sentence. */
  readonly excess: string;

  constructor(excess: string, digest?: Digest) {
    super('ERR_LAYER_LIMIT', `The layer is refused: it has ${excess}`, {
      ...(digest === undefined ? {} : { digest }),
      hint: 'Nothing of it was kept. If the image is to be trusted, raise the limit of the store.',
    });
    this.excess = excess;
  }

  /** The same of a layer that is known by now. */
  of(digest: Digest): LayerLimitError {
    return this.digest === undefined ? new LayerLimitError(this.excess, digest) : this;
  }
}

/** A blob that was asked of a store which doesn't hold it. */
export class BlobNotFoundError extends RxferError {
  override readonly name = 'BlobNotFoundError';

  constructor(digest: Digest) {
    super('ERR_BLOB_NOT_FOUND', `The blob ${digest} isn't in the store`, {
      digest,
      hint: 'Pull the image that it belongs to again.',
    });
  }
}

/** A store folder that can't be used: of another version, damaged, or not writable. */
export class StoreError extends RxferError {
  override readonly name = 'StoreError';
  /** The file or folder it concerns. */
  readonly path: string;

  constructor(
    code: `ERR_STORE_${string}`,
    path: string,
    message: string,
    hint: string,
    cause?: unknown,
  ) {
    super(code, message, { hint, cause });
    this.path = path;
  }
}

/** A file of the store that turned out shorter than it had been a moment before. */
export function changedWhileRead(file: string): StoreError {
  return new StoreError(
    'ERR_STORE_DAMAGED',
    file,
    `${file} was changed while it was read`,
    "Run 'rxfer verify --repair'.",
  );
}

/** A manifest, index or configuration that is larger than any should be. */
export class DocumentTooLargeError extends RxferError {
  override readonly name = 'DocumentTooLargeError';

  constructor(digest: Digest, size: number, limit: number) {
    super('ERR_DOCUMENT_TOO_LARGE', `The document has ${size} bytes; ${limit} are the limit`, {
      digest,
      hint: 'Manifests and configurations are small; this one was published by mistake or in malice.',
    });
  }
}
