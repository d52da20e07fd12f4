import type { ChainID, Digest } from '../oci/index.js';
import { RxferError } from '../transfer/index.js';

/** A download for an operating system that no layer store was given for. */
export class UnsupportedOSError extends RxferError {
  override readonly name = 'UnsupportedOSError';

  constructor(os: string, known: readonly string[]) {
    super('ERR_UNSUPPORTED_OS', `There is no layer store for the operating system '${os}'`, {
      hint: `Ask for an image of ${known.join(' or ') || 'a known one'}, or give the manager a store for '${os}'.`,
    });
  }
}

/** A layer that a download builds on and that the store doesn't hold. */
export class MissingLayerError extends RxferError {
  override readonly name = 'MissingLayerError';

  constructor(chainID: ChainID) {
    super('ERR_MISSING_LAYER', `The layer ${chainID} isn't in the layer store`, {
      digest: chainID,
      hint: 'Download it first, and keep its lease until what builds on it is through.',
    });
  }
}

/** A blob whose source ended before its last byte. Retried. */
export class ShortBodyError extends RxferError {
  override readonly name = 'ShortBodyError';

  constructor(digest: Digest, received: number, size: number) {
    super('ERR_SHORT_BODY', `The blob broke off after ${received} of ${size} bytes`, {
      digest,
      hint: 'The connection or the registry failed; try again.',
    });
  }
}

/** A source that began a blob past the offset that was asked for. Retried. */
export class WrongOffsetError extends RxferError {
  override readonly name = 'WrongOffsetError';

  constructor(digest: Digest, asked: number, got: number) {
    super('ERR_WRONG_OFFSET', `The blob was asked for from byte ${asked} and sent from ${got}`, {
      digest,
      hint: 'The registry mishandles ranges; try again, or another registry or mirror.',
    });
  }
}
