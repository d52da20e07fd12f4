import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { Readable } from 'node:stream';
import type { Descriptor, DiffID } from '../oci/index.js';
import type { Logger } from '../transfer/index.js';
import { applyLayer } from './apply-layer.js';
import type { DiskPlace } from './disk-place.js';
import type { SessionUse } from './disk-sessions.js';
import { EntryListWriter } from './entry-list.js';
import type { Staging } from './ingest-backend.js';
import type { UnpackLimits } from './limits.js';
import type { StagedLayer } from './store.js';
import { entryListIn } from './stored-files.js';
import { onDisk } from './system-errors.js';
import type { TarEntry } from './tar-reader.js';
import { removeTree } from './trees.js';
import type { UnpackedLayer } from './unpacking.js';

/** A layer that is being unpacked, or waits to be registered, in a folder of the session. */
export class DiskStaging implements Staging<DiskStagedLayer> {
  readonly #blob: Descriptor;
  readonly folder: string;
  readonly limits: UnpackLimits;
  /** On the blob, so that what is staged can be staged again. */
  readonly #lease: SessionUse;
  readonly #barrier: DiskPlace['barrier'];
  readonly #logger: Logger;
  /** What the unpacking couldn't do here, once it is over. */
  omissions: readonly string[] = [];

  private constructor(blob: Descriptor, lease: SessionUse, place: DiskPlace) {
    this.#blob = blob;
    this.#lease = lease;
    this.#barrier = place.barrier;
    this.#logger = place.logger;
    this.limits = place.limits;
    this.folder = path.join(lease.folder, randomUUID());
  }

  static async open(place: DiskPlace, blob: Descriptor): Promise<DiskStaging> {
    const lease = await place.sessions.lease({ kind: 'blob', digest: blob.digest });
    const staging = new DiskStaging(blob, lease, place);
    try {
      await onDisk(staging.folder, () =>
        fs.mkdir(path.join(staging.folder, 'diff'), { recursive: true }),
      );
      return staging;
    } catch (error) {
      await staging.discard();
      throw error;
    }
  }

  async consume(tar: Readable, signal: AbortSignal): Promise<void> {
    const diff = path.join(this.folder, 'diff');
    const file = entryListIn(this.folder);
    const list = new EntryListWriter(file);
    try {
      const onEntry = (entry: TarEntry): Promise<void> | undefined => list.add(entry);
      const applied = await onDisk(diff, () =>
        applyLayer(tar, diff, { whiteouts: 'keep', ...this.limits, signal, onEntry }),
      );
      await onDisk(file, () => list.end());
      // An entry that was replaced has no file any more.
      if (applied.replacements > 0) await fs.rm(file);
      this.omissions = applied.omissions;
      this.#tell();
    } catch (error) {
      await list.abort();
      throw error;
    }
  }

  #tell(): void {
    const { digest } = this.#blob;
    const omissions = this.omissions.join(', ');
    if (omissions !== '') this.#logger.info({ digest, omissions }, 'not restored in full');
  }

  async discard(): Promise<void> {
    // What can't be removed now goes with the session.
    await removeTree(this.folder).catch(() => undefined);
    this.#lease.end();
  }

  /** Says that the folder was moved to where it belongs. */
  moved(): void {
    this.#lease.end();
  }

  async finish(layer: UnpackedLayer): Promise<DiskStagedLayer> {
    await onDisk(this.folder, () => this.#barrier.pass());
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
