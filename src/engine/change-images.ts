import { removeImage as removeName } from '../image/index.js';
import {
  BlobNotFoundError,
  type Collection,
  type ImageRecord,
  type Store,
  type StoreMaintenance,
} from '../layer/index.js';
import { familiarReference, formatReference, parseReference, type Digest } from '../oci/index.js';
import type { EngineEvents } from './engine-events.js';
import { EngineRequestError, ImageConflictError } from './errors.js';
import { isUnnamed } from './image-names.js';
import type { StoredImage, StoredImages } from './stored-images.js';

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
  const names = image.records.filter((each) => !isUnnamed(each));
  if (record === undefined && names.length > 1 && severalNames === 'refuse') {
    throw new ImageConflictError(name, names.map(familiarName));
  }
  const isLast = names.every(({ reference }) => reference === record?.reference);
  const records = record === undefined || isLast ? image.records : [record];
  const removals = await takeNames({ store, images, events }, image, records);
  // Another request may have been faster, and says what it removed.
  if (removals.length === 0) await images.find(name);
  const isGone = removals.some((removal) => 'Deleted' in removal);
  const freed = isGone && space === 'free' ? await store.collect?.() : undefined;
  return [...removals, ...deletedLayers(freed)];
}

/** Which images {@link pruneImages} removes. */
export type PruneTest = (image: StoredImage) => boolean;

/** What {@link pruneImages} has removed (Engine API, ImagePrune). */
export interface Pruned {
  readonly ImagesDeleted: readonly Removal[];
  /** Bytes on the disk. */
  readonly SpaceReclaimed: number;
}

/** Removes images by all their names, and frees the space of all that no image needs. */
export async function pruneImages(options: ChangeOptions, isWanted: PruneTest): Promise<Pruned> {
  const removals: Removal[] = [];
  for (const image of await options.images.list()) {
    if (isWanted(image)) removals.push(...(await takeNames(options, image, image.records)));
  }
  const freed = await options.store.collect?.();
  return {
    ImagesDeleted: [...removals, ...deletedLayers(freed)],
    SpaceReclaimed: freed?.bytes ?? 0,
  };
}

/**
 * With the last of its names, an image is gone. A name that leads to another image by now isn't its
 * own any more, such as one that a pull has just renewed. The lists of what refers to it go along.
 */
async function takeNames(
  { store, events }: ChangeOptions,
  image: StoredImage,
  records: readonly ImageRecord[],
): Promise<Removal[]> {
  const removals: Removal[] = [];
  let isChanged = false;
  for (const record of records) {
    const current = await store.images.get(record.reference);
    if (current?.manifest.digest !== record.manifest.digest) continue;
    for (const reference of await removeName(store, record.reference)) {
      isChanged = true;
      if (isUnnamed({ ...record, reference })) continue;
      const name = familiarReference(parseReference(reference));
      events.tell('untag', image.id, name);
      removals.push({ Untagged: name });
    }
  }
  if (!isChanged || records.length < image.records.length) return removals;
  events.tell('delete', image.id, image.id);
  return [...removals, { Deleted: image.id }];
}

function deletedLayers(freed: Collection | undefined): Removal[] {
  return (freed?.layers ?? []).map((Deleted) => ({ Deleted }));
}

function familiarName({ reference }: ImageRecord): string {
  return familiarReference(parseReference(reference));
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
