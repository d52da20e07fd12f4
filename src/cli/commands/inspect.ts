import { ImageNotFoundError, PlatformNotFoundError } from '../../image/index.js';
import { BlobNotFoundError, type Store } from '../../layer/index.js';
import {
  bestPlatform,
  chainIDsOf,
  formatPlatform,
  formatReference,
  isConfigType,
  isIndexType,
  parseConfig,
  parseIndex,
  parseManifest,
  parseReference,
  type Descriptor,
  type Digest,
  type Platform,
} from '../../oci/index.js';
import { openStore } from '../open-store.js';
import type { MoveOptions, StoreOptions } from '../options.js';
import { moveOptionsOf } from '../platform-options.js';

/** `rxfer inspect REF` */
export async function inspect(
  text: string,
  options: StoreOptions & Pick<MoveOptions, 'platform'>,
): Promise<void> {
  const reference = formatReference(parseReference(text));
  const { platform } = moveOptionsOf(options);
  const store = await openStore(options);
  const record = await store.images.get(reference);
  if (record === undefined) {
    throw new ImageNotFoundError(reference, 'the store', `Pull it first: rxfer pull ${text}`);
  }
  const { resolved: digest, manifest, created } = record;
  const all = await manifestsOf(store, manifest);
  const chosen = platform === undefined ? all : [choose(reference, all, platform)];
  const images = await Promise.all(chosen.map((entry) => describe(store, entry)));
  const [image] = images;
  const isOne = platform !== undefined || !isIndexType(manifest.mediaType);
  const shown =
    isOne && image !== undefined
      ? { reference, digest, ...image, created }
      : { reference, digest, manifest, created, images };
  console.log(JSON.stringify(shown, undefined, 2));
}

/** The manifest itself, or those of an index that is here whole. */
async function manifestsOf(store: Store, descriptor: Descriptor): Promise<Descriptor[]> {
  if (!isIndexType(descriptor.mediaType)) return [descriptor];
  const { manifests } = parseIndex(await document(store, descriptor.digest));
  return (await Promise.all(manifests.map((entry) => manifestsOf(store, entry)))).flat();
}

function choose(reference: string, all: readonly Descriptor[], wanted: Platform): Descriptor {
  const platforms = all.map(({ platform }) => platform);
  // The only one of a record that is no index has its platform in its configuration alone.
  const best = all.length === 1 ? 0 : bestPlatform(wanted, platforms);
  const chosen = all[best];
  if (chosen !== undefined) return chosen;
  throw new PlatformNotFoundError(
    reference,
    wanted,
    platforms.flatMap((platform) => platform ?? []),
  );
}

async function describe(store: Store, { platform, ...descriptor }: Descriptor) {
  const manifest = parseManifest(await document(store, descriptor.digest));
  const isImage = isConfigType(manifest.config.mediaType) && platform?.os !== 'unknown';
  const config = isImage ? parseConfig(await document(store, manifest.config.digest)) : undefined;
  const diffIDs = config?.rootFS.diffIDs ?? [];
  const chainIDs = chainIDsOf(diffIDs);
  const layers = manifest.layers.map(({ digest, mediaType, size }, index) => ({
    digest,
    mediaType,
    size,
    diffID: diffIDs[index],
    chainID: chainIDs[index],
  }));
  const known = config?.platform ?? platform;
  return {
    manifest: descriptor,
    platform: known === undefined ? undefined : formatPlatform(known),
    layers,
    config: config?.raw,
  };
}

async function document(store: Store, digest: Digest): Promise<Uint8Array> {
  const bytes = await store.blobs.read(digest);
  if (bytes === undefined) throw new BlobNotFoundError(digest);
  return bytes;
}
