import { NotAnImageError } from '../image/index.js';
import { BlobNotFoundError, type ImageRecord, type Store } from '../layer/index.js';
import {
  bestPlatform,
  chainIDsOf,
  hostPlatform,
  isConfigType,
  isIndexType,
  parseConfig,
  parseIndex,
  parseManifest,
  type ChainID,
  type Descriptor,
  type Digest,
  type ImageConfig,
} from '../oci/index.js';

/** An image of one platform, as its documents in a store describe it. */
export interface StoredDescription {
  /** The digest of its configuration. */
  readonly id: Digest;
  readonly layers: readonly Descriptor[];
  readonly config: ImageConfig;
  readonly chainIDs: readonly ChainID[];
}

/** Indexes within indexes that are followed. */
const maxDepth = 3;

/**
 * Describes the image that a record names. Of an index with the images of several platforms, it is
 * the one that is unpacked; the one of this machine's platform where several are, or none.
 *
 * @throws BlobNotFoundError, NotAnImageError
 */
export async function describeStored(
  store: Store,
  { reference, manifest }: ImageRecord,
): Promise<StoredDescription> {
  if (!isIndexType(manifest.mediaType)) return describe(store, manifest.digest);
  const images: StoredDescription[] = [];
  for (const digest of await manifestsOf(store, manifest, 0)) {
    const { config } = parseManifest(await storedDocument(store, digest));
    // Attestations and other artifacts stand beside the images that they are about.
    if (isConfigType(config.mediaType)) images.push(await describe(store, digest));
  }
  const isHere = await Promise.all(images.map((image) => isUnpacked(store, image)));
  const unpacked = images.filter((_, index) => isHere[index]);
  const candidates = unpacked.length === 0 ? images : unpacked;
  const platforms = candidates.map(({ config }) => config.platform);
  const chosen = candidates[bestPlatform(hostPlatform(), platforms)] ?? candidates[0];
  if (chosen !== undefined) return chosen;
  throw new NotAnImageError(reference, 'its index leads to no image');
}

/** @throws BlobNotFoundError */
export async function storedDocument(store: Store, digest: Digest): Promise<Uint8Array> {
  const bytes = await store.blobs.read(digest);
  if (bytes === undefined) throw new BlobNotFoundError(digest);
  return bytes;
}

async function describe(store: Store, digest: Digest): Promise<StoredDescription> {
  const { config, layers } = parseManifest(await storedDocument(store, digest));
  const described = parseConfig(await storedDocument(store, config.digest));
  const chainIDs = chainIDsOf(described.rootFS.diffIDs);
  return { id: config.digest, layers, config: described, chainIDs };
}

/** The manifests that an index leads to, but for those that say to be no image. */
async function manifestsOf(store: Store, index: Descriptor, depth: number): Promise<Digest[]> {
  if (depth > maxDepth) return [];
  const { manifests } = parseIndex(await storedDocument(store, index.digest));
  const images = manifests.filter(({ platform }) => platform?.os !== 'unknown');
  const found = images.map((entry) =>
    isIndexType(entry.mediaType)
      ? manifestsOf(store, entry, depth + 1)
      : Promise.resolve([entry.digest]),
  );
  return (await Promise.all(found)).flat();
}

async function isUnpacked(store: Store, { chainIDs }: StoredDescription): Promise<boolean> {
  const top = chainIDs.at(-1);
  if (top === undefined) return true;
  const lease = await store.layers.acquire(top);
  lease?.release();
  return lease !== undefined;
}
