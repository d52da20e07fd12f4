import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { SyncProgram } from './sync-program.js';
import { hasCode } from './system-errors.js';

/**
 * Has all that was written below a folder put on the disk: one barrier over the file system,
 * where a sync of each of thousands of files would take minutes. Whoever asks while one is under
 * way shares the next with all others who do, so that many layers cost a few barriers.
 */
export class SyncBarrier {
  readonly #folder: string;
  #program: SyncProgram | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Resolves when all that was written before the call is on the disk. */
  pass(): Promise<void> {
    if (this.#running === undefined) return this.#run();
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#run();
      });
    return this.#next;
  }

  /** Gives up what it keeps for the next pass, which will make it anew. None may be under way. */
  rest(): void {
    this.#program?.end();
    this.#program = undefined;
  }

  #run(): Promise<void> {
    const running = this.#sync().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  /** The whole file system; where that can't be, one by one. */
  async #sync(): Promise<void> {
    try {
      this.#program ??= new SyncProgram(this.#folder);
      await this.#program.run();
    } catch {
      this.rest();
      await syncEach(this.#folder);
    }
  }
}

async function syncEach(entry: string): Promise<void> {
  try {
    const handle = await fs.open(entry, 'r');
    await handle.sync().finally(() => handle.close());
    if (!(await fs.lstat(entry)).isDirectory()) return;
    for (const child of await fs.readdir(entry, { withFileTypes: true })) {
      if (child.isDirectory() || child.isFile()) await syncEach(path.join(entry, child.name));
    }
  } catch (error) {
    // Somebody else's, who has just removed it.
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}
