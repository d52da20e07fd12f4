import { parseHost } from '../../oci/index.js';
import { printListing, type ListingCommandOptions } from '../print-listing.js';

/** `rxfer catalog HOST` */
export async function catalog(text: string, options: ListingCommandOptions): Promise<void> {
  const host = parseHost(text);
  await printListing(
    options,
    host,
    (rxfer) => rxfer.catalog(host),
    (found) => ({
      host,
      repositories: found,
    }),
  );
}
