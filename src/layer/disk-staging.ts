import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { Readable } from 'node:stream';
import type { Descriptor, DiffID } from '../oci/index.js';
import { applyLayer } from './apply-layer.js';
import type { DiskLayout } from './disk-layout.js';
import { tryLock, type FileLock } from './file-lock.js';
import type { Staging } from './ingestion.js';
import type { StagedLayer } from './store.js';
import { onDisk } from './system-errors.js';
import type { UnpackedLayer } from './unpacking.js';

/** A folder in the staging area, locked so that no other process takes it for a leftover. */
export class DiskStaging implements Staging {
  readonly #blob: Descriptor;
  readonly folder: string;
  readonly #lock: FileLock | undefined;
  /** What the unpacking couldn't do here, once it is over. */
  omissions: readonly string[] = [];

  private constructor(blob: Descriptor, folder: string, lock: FileLock | undefined) {
    this.#blob = blob;
    this.folder = folder;
    this.#lock = lock;
  }

  static async open(layout: DiskLayout, blob: Descriptor): Promise<DiskStaging> {
    const folder = path.join(layout.staging, randomUUID());
    return onDisk(folder, async () => {
      // The lock is there before the folder is, so that nobody ever sees it without.
      const lock = await tryLock(folder);
      await fs.mkdir(path.join(folder, 'diff'), { recursive: true });
      return new DiskStaging(blob, folder, lock);
    });
  }

  async consume(tar: Readable): Promise<void> {
    const diff = path.join(this.folder, 'diff');
    const applied = await onDisk(diff, () => applyLayer(tar, diff, { whiteouts: 'keep' }));
    this.omissions = applied.omissions;
  }

  async discard(): Promise<void> {
    await fs.rm(this.folder, { recursive: true, force: true });
    await this.#lock?.unlock();
  }

  /** Says that the folder was moved to where it belongs. */
  async moved(): Promise<void> {
    await this.#lock?.unlock();
  }

  finish(layer: UnpackedLayer): DiskStagedLayer {
    return new DiskStagedLayer(this.#blob, layer, this);
  }
}

/** A staged layer on disk: its folder goes to whoever registers it first. */
export class DiskStagedLayer implements StagedLayer {
  readonly blob: Descriptor;
  readonly diffID: DiffID;
  readonly size: number;
  #staging: DiskStaging | undefined;

  constructor(blob: Descriptor, { diffID, size }: UnpackedLayer, staging: DiskStaging) {
    this.blob = blob;
    this.diffID = diffID;
    this.size = size;
    this.#staging = staging;
  }

  /** The folder, for the first who asks. */
  take(): DiskStaging | undefined {
    const staging = this.#staging;
    this.#staging = undefined;
    return staging;
  }

  async discard(): Promise<void> {
    await this.take()?.discard();
  }
}
