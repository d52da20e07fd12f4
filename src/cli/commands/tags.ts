import { parseRepository } from '../../oci/index.js';
import { printListing, type ListingCommandOptions } from '../print-listing.js';

/** `rxfer tags REPO` */
export async function tags(text: string, options: ListingCommandOptions): Promise<void> {
  const { host, path } = parseRepository(text);
  await printListing(
    options,
    host,
    (rxfer) => rxfer.tags(`${host}/${path}`),
    (found) => ({
      repository: `${host}/${path}`,
      tags: found,
    }),
  );
}
