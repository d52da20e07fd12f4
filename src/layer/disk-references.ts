import * as path from 'node:path';
import {
  chainIDsOf,
  InvalidManifestError,
  isConfigType,
  isIndexType,
  parseConfig,
  parseIndex,
  parseManifest,
  type ChainID,
  type Digest,
  type DiffID,
  type ImageManifest,
} from '../oci/index.js';
import { readLayer } from './disk-layer-record.js';
import { digestOfName, type DiskLayout } from './disk-layout.js';
import { readLeases } from './disk-sessions.js';
import { StoreError } from './errors.js';
import type { BlobStore, ImageRecord, ImageRecords } from './store.js';
import { namesIn } from './trees.js';

/** Where the references of a store are read from. */
export interface ReferencedStore {
  readonly layout: DiskLayout;
  readonly blobs: BlobStore;
  readonly images: ImageRecords;
}

/** Blobs and layers. */
export interface Parts {
  readonly blobs: Set<Digest>;
  readonly layers: Set<ChainID>;
}

/**
 * What an image is made of, by its documents. Of an index that was pulled whole, that is all that
 * it leads to, with those layers of its images that are unpacked.
 *
 * @throws StoreError when one of them is missing.
 */
export async function partsOf(store: ReferencedStore, record: ImageRecord): Promise<Parts> {
  const { blobs } = store;
  const { manifest, resolved } = record;
  const parts: Parts = { blobs: new Set([resolved]), layers: new Set() };
  const document = (digest: Digest): Promise<Uint8Array> => {
    parts.blobs.add(digest);
    return documentOf(store, record, digest);
  };
  if (isIndexType(manifest.mediaType)) {
    await addIndexed(store, document, manifest.digest, parts);
    return parts;
  }
  const { digest: wanted } = manifest;
  if (resolved !== wanted && !(await addIndexes(blobs, await document(resolved), wanted, parts))) {
    throw missing(wanted, `The index that leads to ${wanted} of ${record.reference} is missing`);
  }
  const { config, layers } = parseManifest(await document(manifest.digest));
  for (const { digest } of layers) parts.blobs.add(digest);
  const { rootFS } = parseConfig(await document(config.digest));
  for (const chainID of chainIDsOf(rootFS.diffIDs)) parts.layers.add(chainID);
  return parts;
}

/**
 * What must stay: what is leased, and the parts of all images with the blobs that layers came
 * from.
 *
 * @throws StoreError when that can't be known, since something is damaged.
 */
export async function reachable(store: ReferencedStore): Promise<Parts> {
  const { layout, images } = store;
  // Leases first: a pull records its image before it gives up its leases.
  const parts = await leased(layout);
  for (const record of await images.list()) {
    const { blobs, layers } = await partsOf(store, record);
    for (const digest of blobs) parts.blobs.add(digest);
    for (const top of layers) await addStack(layout, top, parts);
  }
  return parts;
}

/** What live processes lease, the layers below those, and the blobs that layers came from. */
export async function leased(layout: DiskLayout): Promise<Parts> {
  const { blobs, layers } = await readLeases(layout);
  const parts: Parts = { blobs: new Set(blobs), layers: new Set() };
  for (const top of layers) await addStack(layout, top, parts);
  return parts;
}

/** The layers that are registered, whether whole or damaged. */
export async function layersIn({ layers }: DiskLayout): Promise<ChainID[]> {
  const digests = (await namesIn(layers)).map((name) => digestOfName(path.join(layers, name)));
  return digests.filter((digest) => digest !== undefined) as string[] as ChainID[];
}

/** The blobs that are whole. */
export async function blobsIn(layout: DiskLayout): Promise<Digest[]> {
  const digests: Digest[] = [];
  for (const folder of layout.blobs) {
    for (const name of await namesIn(folder)) {
      const digest = digestOfName(path.join(folder, name));
      if (digest !== undefined) digests.push(digest);
    }
  }
  return digests;
}

/** The blobs that have begun to arrive. */
export async function partialsIn({ partials }: DiskLayout): Promise<Digest[]> {
  // A process may have died and left the lock of one alone.
  const names = new Set(
    (await namesIn(partials)).map((name) => name.replace(/\.lock(\..*)?$/, '')),
  );
  return [...names].map((name) => digestOfName(name)).filter((digest) => digest !== undefined);
}

/**
 * Adds the indexes within an index that are here; images of other platforms are others' concern.
 * Tells whether these lead to the manifest that is wanted.
 */
async function addIndexes(
  blobs: BlobStore,
  bytes: Uint8Array,
  wanted: Digest,
  parts: Parts,
): Promise<boolean> {
  const { manifests } = parseIndex(bytes);
  let leads = manifests.some(({ digest }) => digest === wanted);
  for (const { digest, mediaType } of manifests) {
    if (!isIndexType(mediaType) || parts.blobs.has(digest)) continue;
    const inner = await blobs.read(digest);
    if (inner === undefined) continue;
    parts.blobs.add(digest);
    leads = (await addIndexes(blobs, inner, wanted, parts)) || leads;
  }
  return leads;
}

function missing(digest: Digest, message: string): StoreError {
  const hint = "Run 'rxfer verify --repair', or remove the image.";
  return new StoreError('ERR_STORE_DAMAGED', digest, message, hint);
}

async function documentOf(
  { blobs }: ReferencedStore,
  { reference }: ImageRecord,
  digest: Digest,
): Promise<Uint8Array> {
  const bytes = await blobs.read(digest);
  if (bytes !== undefined) return bytes;
  throw missing(digest, `The document ${digest} of ${reference} is missing`);
}

/** An index of which everything is here. */
async function addIndexed(
  store: ReferencedStore,
  document: (digest: Digest) => Promise<Uint8Array>,
  root: Digest,
  parts: Parts,
): Promise<void> {
  for (const { digest, mediaType } of parseIndex(await document(root)).manifests) {
    if (parts.blobs.has(digest)) continue;
    if (isIndexType(mediaType)) await addIndexed(store, document, digest, parts);
    else await addManifest(store, parseManifest(await document(digest)), parts);
  }
}

async function addManifest(
  { layout, blobs }: ReferencedStore,
  { config, layers }: ImageManifest,
  parts: Parts,
): Promise<void> {
  for (const { digest } of [config, ...layers]) parts.blobs.add(digest);
  if (!isConfigType(config.mediaType)) return;
  const bytes = await blobs.read(config.digest);
  // Attestations have one of the kind as well, which needn't be well-formed.
  const diffIDs = bytes === undefined ? [] : diffIDsOf(bytes);
  for (const chainID of chainIDsOf(diffIDs)) {
    if ((await readLayer(layout, chainID)) === undefined) return;
    parts.layers.add(chainID);
  }
}

function diffIDsOf(config: Uint8Array): readonly DiffID[] {
  try {
    return parseConfig(config).rootFS.diffIDs;
  } catch (error) {
    if (error instanceof InvalidManifestError) return [];
    throw error;
  }
}

async function addStack(layout: DiskLayout, top: ChainID, { blobs, layers }: Parts): Promise<void> {
  for (let at: ChainID | undefined = top; at !== undefined && !layers.has(at);) {
    layers.add(at);
    const layer = await readLayer(layout, at);
    if (layer !== undefined) blobs.add(layer.blob.digest);
    at = layer?.parent;
  }
}
