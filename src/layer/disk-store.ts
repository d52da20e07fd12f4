import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { silentLogger, type Logger } from '../transfer/index.js';
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
import type { StoreMaintenance, Verification } from './maintenance.js';
import type { UnpackLimits } from './limits.js';
import type { Store } from './store.js';
import { SyncBarrier } from './sync-barrier.js';
import { UnpackTurns } from './unpack-turns.js';
import { onDisk } from './system-errors.js';

/** How a store on disk is opened. */
export interface DiskStoreOptions {
  /** The time of the waits for other processes. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** What a layer may unpack to. */
  readonly limits?: UnpackLimits;
  /**
   * Told of what other processes have left or hold, of what unpacking couldn't do here, of
   * collections and of damage. Default: nobody.
   */
  readonly logger?: Logger;
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
  const { scheduler = asyncScheduler, limits = {}, logger = silentLogger } = options;
  const waiting = { scheduler, logger };
  const layout = await prepareLayout(directory);
  const barrier = new SyncBarrier(layout.sessions);
  const sessions = new DiskSessions(layout, waiting, () => barrier.rest());
  const place = { layout, sessions, barrier, turns: new UnpackTurns(), ...waiting, limits };
  await tidy(layout, logger);
  const parts = {
    layers: new DiskLayers(place),
    blobs: new DiskBlobs(place),
    images: new DiskImages(place),
  };
  const all = { ...parts, layout };
  return {
    ...parts,
    directory: layout.root,
    collect: (how = {}) => collect(all, waiting, how),
    verify: async ({ mode = 'report', signal = new AbortController().signal } = {}) => {
      const found = await onDisk(layout.root, () => verify(all, signal));
      if (mode === 'report' || found.damages.length === 0) return told(found, logger);
      const removed = await onDisk(layout.root, () =>
        removeDamaged(layout, waiting, found, signal),
      );
      return told(removed, logger);
    },
    usage: () => usage(all),
  };
}

/** Removes what dead processes have left, unless this one may only read. */
async function tidy(layout: DiskLayout, logger: Logger): Promise<void> {
  try {
    await onDisk(layout.sessions, () => removeDeadSessions(layout, logger));
  } catch (error) {
    const code = error instanceof StoreError ? error.code : undefined;
    if (code !== 'ERR_STORE_READ_ONLY' && code !== 'ERR_STORE_ACCESS') throw error;
  }
}

function told(found: Verification, logger: Logger): Verification {
  for (const { kind, name, problem, removed } of found.damages) {
    const outcome = removed ? 'removed' : 'kept';
    logger.warn({ kind, name, problem, outcome }, 'damage found');
  }
  return found;
}
