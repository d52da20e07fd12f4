import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as tar from 'tar-stream';
import {
  BlobNotFoundError,
  DiffIDMismatchError,
  type LayerLease,
  type Store,
} from '../layer/index.js';
import { digestHex, finishDigest, type ChainID, type Digest, type DiffID } from '../oci/index.js';
import { createdAt } from './image-views.js';
import type { StoredImage } from './stored-images.js';

/** An image that is to be saved, and under which tags. */
export interface SavedImage {
  readonly image: StoredImage;
  readonly tags: readonly string[];
}

/**
 * Images as `docker save` writes them: a tar with their layers, uncompressed, their configurations
 * and a manifest.json. It is made as it is read, each layer once, and breaks off when a layer isn't
 * what it should be. What it needs is held from the beginning, so that a removal doesn't break it off.
 *
 * @throws BlobNotFoundError
 */
export async function saveImages(
  store: Store,
  images: readonly SavedImage[],
  signal: AbortSignal,
): Promise<Readable> {
  const leases: LayerLease[] = [];
  const release = (): void => {
    for (const lease of leases) lease.release();
  };
  const configs = new Map<Digest, Buffer>();
  try {
    for (const { image } of images) {
      // The uppermost holds those below it.
      const top = image.chainIDs.at(-1);
      if (top !== undefined) leases.push(await acquire(store, top));
      const bytes = await store.blobs.read(image.id);
      if (bytes === undefined) throw new BlobNotFoundError(image.id);
      configs.set(image.id, Buffer.from(bytes));
    }
  } catch (error) {
    release();
    throw error;
  }
  const pack = tar.pack();
  write(pack, store, images, configs, signal)
    .finally(release)
    .then(
      () => pack.finalize(),
      (error: unknown) => pack.destroy(error as Error),
    );
  return Readable.from(pack as AsyncIterable<Buffer>, { objectMode: false });
}

async function acquire(store: Store, chainID: ChainID): Promise<LayerLease> {
  const lease = await store.layers.acquire(chainID);
  if (lease === undefined) throw new BlobNotFoundError(chainID as string as Digest);
  return lease;
}

async function write(
  pack: tar.Pack,
  store: Store,
  images: readonly SavedImage[],
  configs: ReadonlyMap<Digest, Buffer>,
  signal: AbortSignal,
): Promise<void> {
  const written = new Set<string>();
  const once = async (name: string, add: () => Promise<void>): Promise<void> => {
    if (written.has(name)) return;
    written.add(name);
    await add();
  };
  for (const { image } of images) {
    const mtime = new Date(createdAt(image));
    for (const [index, chainID] of image.chainIDs.entries()) {
      const diffID = image.config.rootFS.diffIDs[index];
      if (diffID === undefined) continue;
      await once(layerName(diffID), () => addLayer(pack, store, chainID, mtime, signal));
    }
    await once(configName(image.id), () => addConfig(pack, image, mtime, configs));
  }
  const manifest = images.map(({ image, tags }) => ({
    Config: configName(image.id),
    RepoTags: tags,
    Layers: image.config.rootFS.diffIDs.map(layerName),
  }));
  pack.entry({ name: 'manifest.json', mtime: new Date(0), mode: 0o644 }, JSON.stringify(manifest));
}

function addConfig(
  pack: tar.Pack,
  { id }: StoredImage,
  mtime: Date,
  configs: ReadonlyMap<Digest, Buffer>,
): Promise<void> {
  const bytes = configs.get(id);
  if (bytes === undefined) return Promise.reject(new BlobNotFoundError(id));
  pack.entry({ name: configName(id), mtime, mode: 0o644 }, bytes);
  return Promise.resolve();
}

async function addLayer(
  pack: tar.Pack,
  store: Store,
  chainID: ChainID,
  mtime: Date,
  signal: AbortSignal,
): Promise<void> {
  const lease = await acquire(store, chainID);
  try {
    const { layer } = lease;
    const { diffID, size } = layer;
    const hash = createHash('sha256');
    const hashing = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    const bytes = await layer.tarStream(signal);
    const entry = pack.entry({ name: layerName(diffID), size, mtime, mode: 0o644 });
    await pipeline(bytes, hashing, entry as unknown as NodeJS.WritableStream, { signal });
    const actual = finishDigest(hash, 'sha256') as string as DiffID;
    if (actual !== diffID) throw new DiffIDMismatchError(layer.blob.digest, diffID, actual);
  } finally {
    lease.release();
  }
}

function layerName(diffID: DiffID): string {
  return `${digestHex(diffID)}.tar`;
}

function configName(id: Digest): string {
  return `${digestHex(id)}.json`;
}
