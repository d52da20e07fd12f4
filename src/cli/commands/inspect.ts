import { BlobNotFoundError, openDiskStore, type Store } from '../../layer/index.js';
import { ImageNotFoundError } from '../../image/index.js';
import {
  chainIDsOf,
  formatPlatform,
  formatReference,
  parseConfig,
  parseManifest,
  parseReference,
  type Digest,
} from '../../oci/index.js';
import type { StoreOptions } from '../options.js';

/** `rxfer inspect REF` */
export async function inspect(text: string, options: StoreOptions): Promise<void> {
  const reference = formatReference(parseReference(text));
  const store = await openDiskStore(options.store);
  const record = await store.images.get(reference);
  if (record === undefined) {
    throw new ImageNotFoundError(reference, 'the store', `Pull it first: rxfer pull ${text}`);
  }
  const manifest = parseManifest(await document(store, record.manifest.digest));
  const config = parseConfig(await document(store, manifest.config.digest));
  const { diffIDs } = config.rootFS;
  const chainIDs = chainIDsOf(diffIDs);
  const layers = manifest.layers.map(({ digest, mediaType, size }, index) => ({
    digest,
    mediaType,
    size,
    diffID: diffIDs[index],
    chainID: chainIDs[index],
  }));
  const shown = {
    reference,
    digest: record.resolved,
    manifest: record.manifest,
    platform: formatPlatform(config.platform),
    created: record.created,
    layers,
    config: config.raw,
  };
  console.log(JSON.stringify(shown, undefined, 2));
}

async function document(store: Store, digest: Digest): Promise<Uint8Array> {
  const bytes = await store.blobs.read(digest);
  if (bytes === undefined) throw new BlobNotFoundError(digest);
  return bytes;
}
