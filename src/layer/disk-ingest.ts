import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { digestAlgorithm, type Descriptor } from '../oci/index.js';
import type { Logger } from '../transfer/index.js';
import { BatchedFile } from './batched-file.js';
import type { DiskPlace } from './disk-place.js';
import type { SessionUse } from './disk-sessions.js';
import { syncFolder } from './durable.js';
import { changedWhileRead, StoreError } from './errors.js';
import { FileChunks } from './file-chunks.js';
import { digestOfFile } from './file-digest.js';
import { lockFile, type FileLock } from './file-lock.js';
import type { IngestBackend, Staging } from './ingest-backend.js';
import { hasCode, onDisk } from './system-errors.js';
import { sizeOf } from './file-size.js';

const { O_RDWR, O_APPEND, O_CREAT, O_TRUNC } = constants;
const appending = O_RDWR | O_APPEND;

/** Keeps a blob's bytes in the ingest folder, under a lock of its own, until it is whole. */
export class DiskIngest<TWhole> implements IngestBackend<TWhole> {
  readonly #blob: Descriptor;
  readonly stage: () => Promise<Staging<TWhole>>;
  readonly #lock: FileLock;
  readonly #lease: SessionUse;
  readonly #partial: string;
  readonly #final: string;
  readonly #logger: Logger;
  #file: fs.FileHandle | undefined;
  #bytes: BatchedFile | undefined;
  /** Bytes that were here before. */
  #existing = 0;

  private constructor(
    place: DiskPlace,
    blob: Descriptor,
    stage: () => Promise<Staging<TWhole>>,
    lock: FileLock,
    lease: SessionUse,
  ) {
    const { layout, logger } = place;
    this.#blob = blob;
    this.#logger = logger;
    this.stage = stage;
    this.#lock = lock;
    this.#lease = lease;
    this.#partial = layout.partial(blob.digest);
    this.#final = layout.blob(blob.digest);
  }

  /**
   * Waits until no other ingest, of this process or another, has this blob under way.
   *
   * @param stage begins to stage what the blob comes to.
   */
  static async open<TWhole>(
    place: DiskPlace,
    blob: Descriptor,
    stage: () => Promise<Staging<TWhole>>,
    signal: AbortSignal,
  ): Promise<DiskIngest<TWhole>> {
    const file = place.layout.partial(blob.digest);
    const lease = await place.sessions.lease({ kind: 'blob', digest: blob.digest });
    try {
      const lock = await onDisk(file, () => lockFile(file, signal, place));
      return new DiskIngest(place, blob, stage, lock, lease);
    } catch (error) {
      lease.end();
      throw error;
    }
  }

  async isWhole(): Promise<boolean> {
    return (await onDisk(this.#final, () => sizeOf(this.#final))) === this.#blob.size;
  }

  async *existing(): AsyncIterable<Buffer> {
    const file = await this.#openExisting();
    if (file === undefined) return;
    try {
      // No stream: one that isn't read to its end closes the file, which is still needed.
      for await (const chunk of new FileChunks(file)) {
        this.#existing += chunk.length;
        yield chunk;
      }
      const { digest, size } = this.#blob;
      if (this.#existing > 0 && file === this.#file) {
        this.#logger.debug({ digest, offset: this.#existing, size }, 'ingest resumed');
      }
    } finally {
      if (file !== this.#file) await file.close();
    }
  }

  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#bytes === undefined) return this.#kept(() => this.#begin(chunk));
    const writing = this.#bytes.write(chunk);
    return writing && this.#kept(() => writing);
  }

  flush(): Promise<void> {
    return this.#kept(async () => this.#bytes?.flush());
  }

  async *kept(end: number): AsyncIterable<Buffer> {
    // Without one, the blob was here whole before.
    const name = this.#file === undefined ? this.#final : this.#partial;
    const file = this.#file ?? (await onDisk(name, () => fs.open(name, 'r')));
    const chunks = new FileChunks(file);
    try {
      for (let left = end; left > 0;) {
        const { value } = await onDisk(name, () => chunks.next());
        if (value === undefined) throw changedWhileRead(name);
        yield value.subarray(0, left);
        left -= value.length;
      }
    } finally {
      if (file !== this.#file) await file.close();
    }
  }

  async reset(signal: AbortSignal): Promise<void> {
    this.#existing = 0;
    await this.#bytes?.discard();
    this.#bytes = undefined;
    await onDisk(this.#partial, async () => this.#file?.truncate(0));
    await onDisk(this.#final, async () => {
      if (await this.#isDamaged(signal)) await fs.rm(this.#final, { force: true });
    });
  }

  async publish(): Promise<void> {
    const file = this.#file;
    // Without one, the blob was here whole before.
    if (file !== undefined) {
      await this.flush();
      await onDisk(this.#final, async () => {
        await file.sync();
        await this.#checkFile(file);
        await fs.rename(this.#partial, this.#final);
        await syncFolder(path.dirname(this.#final));
      });
      this.#file = undefined;
      await this.#bytes?.discard();
      await file.close();
    }
    // Whoever waits for this blob finds it whole now, however long this ingest stays open.
    await this.#lock.unlock();
  }

  async close(): Promise<void> {
    try {
      // What can be kept serves the next attempt; what can't was told to whoever wrote it.
      await this.#bytes?.flush().catch(() => undefined);
      await this.#bytes?.discard();
      await this.#file?.close();
      if (this.#file !== undefined && this.#length === 0) {
        await fs.rm(this.#partial, { force: true });
      }
    } finally {
      await this.#lock.unlock();
      this.#lease.end();
    }
  }

  /** Bytes that are in the file. */
  get #length(): number {
    return this.#existing + (this.#bytes?.written ?? 0);
  }

  #kept<T>(write: () => Promise<T>): Promise<T> {
    return onDisk(this.#partial, write, () => this.#blob.size - this.#length);
  }

  async #begin(chunk: Buffer): Promise<void> {
    // What is in a file that wasn't resumed is no part of this.
    this.#file ??= await fs.open(this.#partial, appending | O_CREAT | O_TRUNC, 0o644);
    this.#bytes = new BatchedFile(this.#file);
    await this.#bytes.write(chunk);
  }

  /**
   * Two writers of one file, which is possible when a machine slept through the life of its lock,
   * leave a file that isn't the one whose bytes were verified.
   */
  async #checkFile(file: fs.FileHandle): Promise<void> {
    const { size } = await file.stat();
    if (size === this.#blob.size && !this.#lock.lost) return;
    await fs.rm(this.#partial, { force: true });
    throw new StoreError(
      'ERR_STORE_LOCK_LOST',
      this.#partial,
      `Another process took over ${this.#partial} while this one was silent`,
      'Try again; nothing that was stored before is lost.',
    );
  }

  async #openExisting(): Promise<fs.FileHandle | undefined> {
    // One of another size is damaged, or the descriptor is wrong: nothing is to go on behind it.
    const whole = (await this.isWhole()) ? await openIfThere(this.#final, 'r') : undefined;
    if (whole !== undefined) return whole;
    // Not created when it isn't there, and appended to when it is.
    this.#file = await openIfThere(this.#partial, appending);
    return this.#file;
  }

  /** Whether the blob is part of the store with bytes that aren't its own. */
  async #isDamaged(signal: AbortSignal): Promise<boolean> {
    const { digest } = this.#blob;
    try {
      return (await digestOfFile(this.#final, digestAlgorithm(digest), signal)) !== digest;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return false;
      throw error;
    }
  }
}

async function openIfThere(
  file: string,
  flags: string | number,
): Promise<fs.FileHandle | undefined> {
  try {
    return await fs.open(file, flags);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
