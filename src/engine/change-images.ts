import { BlobNotFoundError, type Store, type StoreMaintenance } from '../layer/index.js';
import { familiarReference, formatReference, parseReference, type Digest } from '../oci/index.js';
import type { EngineEvents } from './engine-events.js';
import { EngineRequestError, ImageConflictError } from './errors.js';
import type { StoredImages } from './stored-images.js';

/** A store, which may know how to free space. */
export type EngineStore = Store & Partial<StoreMaintenance>;

/** What changes the images of a store. */
export interface ChangeOptions {
  readonly store: EngineStore;
  readonly images: StoredImages;
  readonly events: EngineEvents;
}

/** What became of an image (Engine API, ImageDeleteResponseItem). */
export type Removal = { readonly Untagged: string } | { readonly Deleted: string };

/** How {@link removeImage} goes about it. */
export interface RemoveOptions {
  /** Of an image that has several names, asked for by its id: all of them, or none. */
  readonly severalNames: 'refuse' | 'remove';
  /** Whether what no image needs any more is removed too. */
  readonly space: 'free' | 'keep';
}

/** @throws ImageNotFoundError, ImageConflictError */
export async function removeImage(
  { store, images, events }: ChangeOptions,
  name: string,
  { severalNames, space }: RemoveOptions,
): Promise<Removal[]> {
  const { image, record } = await images.find(name);
  const records = record === undefined ? image.records : [record];
  const names = records.map(({ reference }) => familiarReference(parseReference(reference)));
  if (records.length > 1 && severalNames === 'refuse') throw new ImageConflictError(name, names);
  const removals: Removal[] = [];
  for (const [index, { reference }] of records.entries()) {
    if (!(await store.images.delete(reference))) continue;
    const shown = names[index] ?? reference;
    events.tell('untag', image.id, shown);
    removals.push({ Untagged: shown });
  }
  if (records.length < image.records.length) return removals;
  events.tell('delete', image.id, image.id);
  removals.push({ Deleted: image.id });
  const freed = space === 'free' ? await store.collect?.() : undefined;
  return [...removals, ...(freed?.layers ?? []).map((Deleted) => ({ Deleted }))];
}

/** Gives an image another name, which an image may have had until now. */
export async function tagImage(
  { store, images, events }: ChangeOptions,
  name: string,
  text: string,
): Promise<void> {
  const reference = parseReference(text);
  if (reference.digest !== undefined) {
    throw new EngineRequestError(`'${text}' has a digest`, 'Names of images end in a tag.');
  }
  const { image, record = image.records[0] } = await images.find(name);
  const top = image.chainIDs.at(-1);
  const lease = top === undefined ? undefined : await store.layers.acquire(top);
  if (record === undefined || (top !== undefined && lease === undefined)) {
    throw new BlobNotFoundError(image.id);
  }
  try {
    const digests = new Set<Digest>([image.id, record.manifest.digest, record.resolved]);
    const documents = await Promise.all(
      [...digests].map(async (digest) => ({ digest, bytes: await images.document(digest) })),
    );
    const created = new Date().toISOString();
    const formatted = formatReference(reference);
    await store.images.put({ ...record, reference: formatted, created }, documents);
  } finally {
    lease?.release();
  }
  events.tell('tag', image.id, familiarReference(reference));
}
