import { final, RegistryError, type RegistryErrorOptions } from './registry-error.js';

/** A listing with more pages, entries or bytes than allowed. Not retried. */
export class ListingTooLongError extends RegistryError {
  override readonly name = 'ListingTooLongError';

  constructor(most: number, of: 'pages' | 'entries' | 'bytes', options: RegistryErrorOptions) {
    const hint = 'Take fewer, begin after a name, or raise maxPages, maxEntries or maxBytes.';
    const message = `The listing has more than ${most} ${of}`;
    super('ERR_LISTING_TOO_LONG', message, final({ hint, ...options }));
  }
}

/** A registry that doesn't list its repositories. Not retried. */
export class NoCatalogError extends RegistryError {
  override readonly name = 'NoCatalogError';

  constructor(options: RegistryErrorOptions) {
    const hint = 'Many registries, Docker Hub among them, have no such list; look on its web site.';
    super(
      'ERR_NO_CATALOG',
      `${options.host ?? 'The registry'} doesn't list its repositories`,
      final({ hint, ...options }),
    );
  }
}

/** A blob that the registry hasn't got, and whose other addresses can't be asked. Not retried. */
export class ForeignAddressError extends RegistryError {
  override readonly name = 'ForeignAddressError';

  constructor(options: RegistryErrorOptions) {
    const hint = 'Layers are fetched by http and https alone; ask the publisher of the image.';
    super(
      'ERR_FOREIGN_ADDRESS',
      `${options.host ?? 'The registry'} hasn't the blob, and none of its urls can be asked`,
      final({ hint, ...options }),
    );
  }
}

/** A tag that stands for a list of referrers, and leads to something else. Not retried. */
export class ReferrersTagError extends RegistryError {
  override readonly name = 'ReferrersTagError';

  constructor(problem: string, options: RegistryErrorOptions) {
    const hint = 'The manifest itself is stored; look at what the tag leads to, and push it again.';
    super(
      'ERR_REFERRERS_TAG',
      `The list of referrers could not be kept: ${problem}`,
      final({ hint, ...options }),
    );
  }
}

/** A deletion that the registry doesn't do: of anything, or of tags. Not retried. */
export class DeleteRefusedError extends RegistryError {
  override readonly name = 'DeleteRefusedError';
  /** What the registry refuses to delete. */
  readonly refused: 'tags' | 'everything';

  constructor(refused: 'tags' | 'everything', options: RegistryErrorOptions & { hint: string }) {
    const host = options.host ?? 'The registry';
    const message =
      refused === 'tags' ? `${host} deletes no tags, but by digest` : `${host} refuses to delete`;
    super('ERR_DELETE_REFUSED', message, final(options));
    this.refused = refused;
  }
}

/** A deletion that names a tag and a digest, so that it isn't clear what is to go. Not retried. */
export class AmbiguousDeleteError extends RegistryError {
  override readonly name = 'AmbiguousDeleteError';

  constructor(options: RegistryErrorOptions) {
    const hint = 'Name the tag alone, or the digest alone, which takes all its tags along.';
    super(
      'ERR_AMBIGUOUS_DELETE',
      'What is to be deleted has both a tag and a digest',
      final({ hint, ...options }),
    );
  }
}
