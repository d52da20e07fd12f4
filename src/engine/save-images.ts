import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as tar from 'tar-stream';
import { BlobNotFoundError, DiffIDMismatchError, type Store } from '../layer/index.js';
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
 * what it should be.
 */
export function saveImages(
  store: Store,
  images: readonly SavedImage[],
  signal: AbortSignal,
): Readable {
  const pack = tar.pack();
  write(pack, store, images, signal).then(
    () => pack.finalize(),
    (error: unknown) => pack.destroy(error as Error),
  );
  return Readable.from(pack as AsyncIterable<Buffer>, { objectMode: false });
}

async function write(
  pack: tar.Pack,
  store: Store,
  images: readonly SavedImage[],
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
    const name = configName(image.id);
    await once(name, async () => {
      const bytes = await store.blobs.read(image.id);
      if (bytes === undefined) throw new BlobNotFoundError(image.id);
      pack.entry({ name, mtime, mode: 0o644 }, Buffer.from(bytes));
    });
  }
  const manifest = images.map(({ image, tags }) => ({
    Config: configName(image.id),
    RepoTags: tags,
    Layers: image.config.rootFS.diffIDs.map(layerName),
  }));
  pack.entry({ name: 'manifest.json', mtime: new Date(0), mode: 0o644 }, JSON.stringify(manifest));
}

async function addLayer(
  pack: tar.Pack,
  store: Store,
  chainID: ChainID,
  mtime: Date,
  signal: AbortSignal,
): Promise<void> {
  const lease = await store.layers.acquire(chainID);
  if (lease === undefined) throw new BlobNotFoundError(chainID as string as Digest);
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
