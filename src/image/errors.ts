import { formatPlatform, type Platform } from '../oci/index.js';
import { RxferError, type RxferErrorOptions } from '../transfer/index.js';

/** An image that has no variant for the platform asked for. */
export class PlatformNotFoundError extends RxferError {
  override readonly name = 'PlatformNotFoundError';

  constructor(reference: string, wanted: Platform, known: readonly Platform[]) {
    const list = known.map(formatPlatform).join(', ');
    super(
      'ERR_PLATFORM_NOT_FOUND',
      `${reference} has no image for ${formatPlatform(wanted)}, only for ${list || 'none that is named'}`,
      { reference, hint: 'Choose one of those with the platform option.' },
    );
  }
}

/** A manifest that is not that of an image which can be unpacked, or that breaks the rules. */
export class NotAnImageError extends RxferError {
  override readonly name = 'NotAnImageError';

  constructor(reference: string, problem: string) {
    super('ERR_NOT_AN_IMAGE', `${reference} can't be used as an image: ${problem}`, {
      reference,
      hint: 'Artifacts can be copied to registries and OCI layouts; images alone go into a store.',
    });
  }
}

/** An image with a layer that is kept elsewhere, which wasn't asked to be followed. */
export class ForeignLayerError extends RxferError {
  override readonly name = 'ForeignLayerError';

  constructor(reference: string, digest: string) {
    super('ERR_FOREIGN_LAYER', `The layer ${digest} of ${reference} is kept elsewhere (foreign)`, {
      reference,
      digest,
      hint:
        'To move it all the same: --allow-foreign-layers, which leaves such layers out of what is ' +
        'pushed, or --allow-foreign-layers push, which does not; in a program, foreignLayers.',
    });
  }
}

/** An index that leads to more than is followed. */
export class ImageTreeLimitError extends RxferError {
  override readonly name = 'ImageTreeLimitError';

  constructor(reference: string, problem: string) {
    super('ERR_IMAGE_TREE_LIMIT', `${reference} is a tree ${problem}`, {
      reference,
      hint: 'No usual image is; ask its publisher, or move one platform of it.',
    });
  }
}

/** An image of which not all is there that was asked for. */
export class IncompleteImageError extends RxferError {
  override readonly name = 'IncompleteImageError';

  constructor(reference: string) {
    super('ERR_INCOMPLETE_IMAGE', `The store has ${reference} for one platform alone`, {
      reference,
      hint: `Pull it with all: rxfer pull --all ${reference}`,
    });
  }
}

/** An image that the source doesn't hold. */
export class ImageNotFoundError extends RxferError {
  override readonly name = 'ImageNotFoundError';

  constructor(name: string, where: string, hint: string) {
    super('ERR_IMAGE_NOT_FOUND', `There is no image ${name} in ${where}`, {
      reference: name,
      hint,
    });
  }
}

/** A source or destination of a copy that can't be understood. */
export class InvalidLocationError extends RxferError {
  override readonly name = 'InvalidLocationError';

  constructor(text: string, problem: string, options: RxferErrorOptions = {}) {
    const hint =
      'Write a registry reference or docker://REFERENCE, store:REFERENCE, oci:FOLDER[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:REFERENCE|:@INDEX].';
    super(
      'ERR_INVALID_LOCATION',
      `'${text.slice(0, 300)}' can't be copied from or to: ${problem}`,
      { hint, ...options },
    );
  }
}

/** A folder that can't be used as it is. */
export class FolderError extends RxferError {
  override readonly name = 'FolderError';

  constructor(folder: string, problem: string, options: RxferErrorOptions) {
    super('ERR_FOLDER', `${folder} ${problem}`, options);
  }
}

/** An archive of images that can't be read or written. */
export class ArchiveError extends RxferError {
  override readonly name = 'ArchiveError';
  /** The archive's file. */
  readonly file: string;

  constructor(file: string, problem: string, options: RxferErrorOptions = {}) {
    super('ERR_ARCHIVE', `The archive ${file} can't be used: ${problem}`, {
      hint: 'Archives are written by rxfer copy, skopeo copy, and docker save.',
      ...options,
    });
    this.file = file;
  }
}

/** Tells whether a layout, in a folder or an archive, hasn't the blob that was asked for. */
export function lacksBlob(error: unknown): error is FolderError | ArchiveError {
  const isOfLayout = error instanceof FolderError || error instanceof ArchiveError;
  return isOfLayout && error.digest !== undefined;
}
