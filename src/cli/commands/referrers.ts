import { formatReference, parseReference } from '../../oci/index.js';
import { printListing, type ListingCommandOptions } from '../print-listing.js';

/** The options of `rxfer referrers`. */
export interface ReferrersCommandOptions extends ListingCommandOptions {
  readonly artifactType?: string;
}

/** `rxfer referrers REF` */
export async function referrers(text: string, options: ReferrersCommandOptions): Promise<void> {
  const parsed = parseReference(text);
  const { artifactType } = options;
  await printListing(
    options,
    parsed.host,
    (rxfer) => rxfer.referrers(text, artifactType === undefined ? {} : { artifactType }),
    (found) => ({ reference: formatReference(parsed), referrers: found }),
    // Types are the publisher's words, and printed.
    ({ digest, artifactType: type = '' }) =>
      `${digest}  ${type.replace(/\p{C}+/gu, ' ')}`.trimEnd(),
  );
}
