import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { SchedulerLike } from 'rxjs';
import type { Descriptor } from '../oci/index.js';
import type { DiskLayout } from './disk-layout.js';
import { DiskStaging } from './disk-staging.js';
import { syncFolder } from './durable.js';
import { lockFile, type Unlock } from './file-lock.js';
import type { IngestBackend } from './ingestion.js';
import { hasCode, onDisk } from './system-errors.js';

const readSize = 256 * 1024;

/** Keeps a blob's bytes in the ingest folder, under a lock of its own, until it is whole. */
export class DiskIngest implements IngestBackend {
  readonly #layout: DiskLayout;
  readonly #blob: Descriptor;
  readonly #unlock: Unlock;
  readonly #partial: string;
  readonly #final: string;
  #file: fs.FileHandle | undefined;
  #written = 0;

  private constructor(layout: DiskLayout, blob: Descriptor, unlock: Unlock) {
    this.#layout = layout;
    this.#blob = blob;
    this.#unlock = unlock;
    this.#partial = layout.partial(blob.digest);
    this.#final = layout.blob(blob.digest);
  }

  /** Waits until no other ingest, of this process or another, has this blob under way. */
  static async open(
    layout: DiskLayout,
    blob: Descriptor,
    signal: AbortSignal,
    scheduler: SchedulerLike,
  ): Promise<DiskIngest> {
    const file = layout.partial(blob.digest);
    const unlock = await onDisk(file, () => lockFile(file, signal, scheduler));
    return new DiskIngest(layout, blob, unlock);
  }

  async *existing(): AsyncIterable<Buffer> {
    const file = await this.#openExisting();
    if (file === undefined) return;
    const stream = file.createReadStream({ highWaterMark: readSize, start: 0, autoClose: false });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      this.#written += chunk.length;
      yield chunk;
    }
    if (file !== this.#file) await file.close();
  }

  async write(chunk: Buffer): Promise<void> {
    await onDisk(this.#partial, async () => {
      this.#file ??= await fs.open(this.#partial, 'a+', 0o644);
      await this.#file.appendFile(chunk);
    });
    this.#written += chunk.length;
  }

  async reset(): Promise<void> {
    this.#written = 0;
    await onDisk(this.#partial, async () => {
      await this.#file?.truncate(0);
      await fs.rm(this.#final, { force: true });
    });
  }

  stage(): Promise<DiskStaging> {
    return DiskStaging.open(this.#layout, this.#blob);
  }

  async publish(): Promise<void> {
    const file = this.#file;
    // Without one, the blob was here whole before.
    if (file !== undefined) {
      await onDisk(this.#final, async () => {
        await file.sync();
        await fs.mkdir(path.dirname(this.#final), { recursive: true });
        await fs.rename(this.#partial, this.#final);
        await syncFolder(path.dirname(this.#final));
      });
      this.#file = undefined;
      await file.close();
    }
    // Whoever waits for this blob finds it whole now, however long this ingest stays open.
    await this.#unlock();
  }

  async close(): Promise<void> {
    if (this.#file !== undefined) {
      await this.#file.close();
      if (this.#written === 0) await fs.rm(this.#partial, { force: true });
    }
    await this.#unlock();
  }

  async #openExisting(): Promise<fs.FileHandle | undefined> {
    try {
      return await fs.open(this.#final, 'r');
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    try {
      // Not created when it isn't there, and appended to when it is.
      this.#file = await fs.open(this.#partial, constants.O_RDWR | constants.O_APPEND);
      return this.#file;
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
      return undefined;
    }
  }
}
