import type { FileHandle } from 'node:fs/promises';

const [leastBatch, mostBatch] = [128 * 1024, 1024 * 1024];
/** Bytes of the batches of many files, all together, where that leaves each the least. */
const allBatches = 8 * mostBatch;

/** Files that are being written. */
let open = 0;

/**
 * The writing end of a file. It collects what comes and writes a batch while the next one is
 * collected, since a call to the system costs more than the bytes that it takes along: at most two
 * batches of 1 MiB are in memory, smaller ones where many files are being written.
 *
 * The handle is the caller's, who flushes before closing it, and discards in every outcome.
 */
export class BatchedFile {
  readonly #handle: FileHandle;
  #batch: Buffer[] = [];
  #size = 0;
  #writing: Promise<void> | undefined;
  #written = 0;
  #isOpen = true;
  readonly #release: (chunk: Buffer) => void;

  /** @param release called with each chunk that is written, and isn't looked at any more. */
  constructor(handle: FileHandle, release: (chunk: Buffer) => void = () => undefined) {
    this.#handle = handle;
    this.#release = release;
    open++;
  }

  /** Bytes that are written. */
  get written(): number {
    return this.#written;
  }

  /** Takes bytes, which nobody may change from now on. Errors tell of bytes taken before, too. */
  write(chunk: Buffer): Promise<void> | undefined {
    this.#batch.push(chunk);
    this.#size += chunk.length;
    const batch = Math.max(leastBatch, Math.min(mostBatch, allBatches / open));
    return this.#size < batch ? undefined : this.#begin();
  }

  /** Resolves when all that was taken is written. */
  async flush(): Promise<void> {
    await this.#begin();
    await this.#writing;
  }

  /** The end: forgets what isn't written yet; resolves when nothing is under way. */
  async discard(): Promise<void> {
    if (this.#isOpen) open--;
    this.#isOpen = false;
    this.#batch = [];
    this.#size = 0;
    await this.#writing?.catch(() => undefined);
    this.#writing = undefined;
  }

  async #begin(): Promise<void> {
    await this.#writing;
    if (this.#size === 0) return;
    const [batch, size] = [this.#batch, this.#size];
    this.#batch = [];
    this.#size = 0;
    this.#writing = this.#writeAll(batch, size);
    // Whoever writes or flushes next hears of it.
    this.#writing.catch(() => undefined);
  }

  async #writeAll(batch: Buffer[], size: number): Promise<void> {
    let rest = batch;
    for (let left = size; left > 0;) {
      const { bytesWritten } = await this.#handle.writev(rest);
      this.#written += bytesWritten;
      left -= bytesWritten;
      if (left > 0) rest = [Buffer.concat(rest).subarray(bytesWritten)];
    }
    for (const chunk of batch) this.#release(chunk);
  }
}
