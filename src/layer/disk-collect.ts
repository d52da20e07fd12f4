import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { digestAlgorithm, digestHex, type ChainID, type Digest } from '../oci/index.js';
import { readLayer } from './disk-layer-record.js';
import type { DiskLayout } from './disk-layout.js';
import {
  blobsIn,
  layersIn,
  partialsIn,
  reachable,
  type ReferencedStore,
} from './disk-references.js';
import { removeDeadSessions } from './disk-sessions.js';
import { syncFolder } from './durable.js';
import { lockFile, type LockWaiting } from './file-lock.js';
import type { CollectOptions, Collection } from './maintenance.js';
import { hasCode, onDisk } from './system-errors.js';
import { namesIn, removeTree, treeSize } from './trees.js';

/** What nothing refers to. */
export interface Garbage {
  /** Those above before those below. */
  readonly layers: readonly ChainID[];
  readonly blobs: readonly Digest[];
  readonly partials: readonly Digest[];
}

/** Removes what nothing refers to, as StoreMaintenance.collect describes it. */
export async function collect(
  store: ReferencedStore,
  waiting: LockWaiting,
  { mode = 'remove', signal = new AbortController().signal }: CollectOptions,
): Promise<Collection> {
  const { layout } = store;
  return onDisk(layout.root, async () => {
    if (mode === 'dry run') {
      const garbage = await findGarbage(store);
      return { ...garbage, bytes: await sizeOf(filesOf(layout, garbage)) };
    }
    await removeDeadSessions(layout, waiting.logger);
    const garbage = await alone(layout, waiting, signal, async () => {
      const found = await findGarbage(store);
      // Once removal has begun it is seen through: what is in the trash belongs to nothing.
      signal.throwIfAborted();
      await discard(layout, found);
      return found;
    });
    const bytes = await emptyTrash(layout);
    const { layers, blobs, partials } = garbage;
    const counts = { layers: layers.length, blobs: blobs.length, partials: partials.length };
    waiting.logger.info({ path: layout.root, ...counts, bytes }, 'garbage collected');
    return { ...garbage, bytes };
  });
}

/** What is there, less what is reachable. */
export async function findGarbage(store: ReferencedStore): Promise<Garbage> {
  const { layout } = store;
  const used = await reachable(store);
  const layers = (await layersIn(layout)).filter((chainID) => !used.layers.has(chainID));
  return {
    layers: await topFirst(layout, layers),
    blobs: (await blobsIn(layout)).filter((digest) => !used.blobs.has(digest)),
    partials: (await partialsIn(layout)).filter((digest) => !used.blobs.has(digest)),
  };
}

/** Runs work while no process begins a lease, nor another such work. */
export async function alone<T>(
  layout: DiskLayout,
  waiting: LockWaiting,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await lockFile(layout.collection, signal, waiting);
  try {
    return await work();
  } finally {
    await lock.unlock();
  }
}

/**
 * Moves things out of their places, each in one step: first layers, top first, and then blobs, so
 * that whatever has its parts keeps them wherever this breaks off.
 */
export async function discard(layout: DiskLayout, garbage: Garbage): Promise<void> {
  for (const chainID of garbage.layers) await toTrash(layout, layout.layer(chainID));
  if (garbage.layers.length > 0) await syncFolder(layout.layers);
  for (const digest of garbage.blobs) await toTrash(layout, layout.blob(digest));
  for (const digest of garbage.partials) {
    const file = layout.partial(digest);
    await toTrash(layout, file);
    // Nobody alive has the blob under way, or there would be a lease on it.
    const prefix = `${digestAlgorithm(digest)}-${digestHex(digest)}.lock`;
    const locks = (await namesIn(layout.partials)).filter((name) => name.startsWith(prefix));
    for (const name of locks) await fs.rm(path.join(layout.partials, name), { force: true });
  }
}

/** Removes what is in the trash, also what others have left there. Returns its bytes. */
export async function emptyTrash(layout: DiskLayout): Promise<number> {
  let bytes = 0;
  for (const name of await namesIn(layout.trash)) {
    const file = path.join(layout.trash, name);
    bytes += await treeSize(file);
    await removeTree(file);
  }
  return bytes;
}

/** Bytes that files and folders take together. */
export async function sizeOf(files: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const file of files) bytes += await treeSize(file);
  return bytes;
}

function filesOf(layout: DiskLayout, { layers, blobs, partials }: Garbage): string[] {
  return [
    ...layers.map((chainID) => layout.layer(chainID)),
    ...blobs.map((digest) => layout.blob(digest)),
    ...partials.map((digest) => layout.partial(digest)),
  ];
}

async function toTrash(layout: DiskLayout, file: string): Promise<void> {
  try {
    await fs.rename(file, path.join(layout.trash, randomUUID()));
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

async function topFirst(layout: DiskLayout, layers: readonly ChainID[]): Promise<ChainID[]> {
  const parents = new Map<ChainID, ChainID | undefined>();
  for (const chainID of layers) {
    // One that is damaged is garbage none the less.
    const layer = await readLayer(layout, chainID).catch(() => undefined);
    parents.set(chainID, layer?.parent);
  }
  const depths = new Map<ChainID, number>();
  for (const chainID of layers) {
    let depth = 0;
    for (let at = parents.get(chainID); at !== undefined; at = parents.get(at)) depth++;
    depths.set(chainID, depth);
  }
  return [...layers].sort((a, b) => (depths.get(b) ?? 0) - (depths.get(a) ?? 0));
}
