import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { DiskBlobs } from './disk-blobs.js';
import { collect } from './disk-collect.js';
import { DiskImages } from './disk-images.js';
import { DiskLayers } from './disk-layers.js';
import { prepareLayout, type DiskLayout } from './disk-layout.js';
import { removeDamaged } from './disk-repair.js';
import { DiskSessions, removeDeadSessions } from './disk-sessions.js';
import { usage } from './disk-usage.js';
import { verify } from './disk-verify.js';
import { StoreError } from './errors.js';
import type { StoreMaintenance } from './maintenance.js';
import type { UnpackLimits } from './limits.js';
import type { Store } from './store.js';
import { SyncBarrier } from './sync-barrier.js';
import { onDisk } from './system-errors.js';

/** How a store on disk is opened. */
export interface DiskStoreOptions {
  /** The time of the waits for other processes. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** What a layer may unpack to. */
  readonly limits?: UnpackLimits;
}

/** A store in a folder. It holds nothing open while nothing is under way. */
export interface DiskStore extends Store, StoreMaintenance {
  /** The folder, as an absolute path. */
  readonly directory: string;
}

/**
 * Opens the store in a folder, which is made when it isn't there. Several processes may use one
 * at the same time. Whatever befell the last one to use it, what was complete is there, and the
 * blobs that were under way go on from where they stopped.
 *
 * @throws StoreError when the folder is something else, of another version, or not to be written.
 */
export async function openDiskStore(
  directory: string,
  options: DiskStoreOptions = {},
): Promise<DiskStore> {
  const { scheduler = asyncScheduler, limits = {} } = options;
  const layout = await prepareLayout(directory);
  const sessions = new DiskSessions(layout, scheduler);
  const place = { layout, sessions, barrier: new SyncBarrier(layout.sessions), scheduler, limits };
  await tidy(layout);
  const parts = {
    layers: new DiskLayers(place),
    blobs: new DiskBlobs(place),
    images: new DiskImages(place),
  };
  const all = { ...parts, layout };
  return {
    ...parts,
    directory: layout.root,
    collect: (how = {}) => collect(all, scheduler, how),
    verify: async ({ mode = 'report', signal = new AbortController().signal } = {}) => {
      const found = await onDisk(layout.root, () => verify(all, signal));
      if (mode === 'report' || found.damages.length === 0) return found;
      return onDisk(layout.root, () => removeDamaged(layout, scheduler, found, signal));
    },
    usage: () => usage(all),
  };
}

/** Removes what dead processes have left, unless this one may only read. */
async function tidy(layout: DiskLayout): Promise<void> {
  try {
    await onDisk(layout.sessions, () => removeDeadSessions(layout));
  } catch (error) {
    const code = error instanceof StoreError ? error.code : undefined;
    if (code !== 'ERR_STORE_READ_ONLY' && code !== 'ERR_STORE_ACCESS') throw error;
  }
}
