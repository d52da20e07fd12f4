import * as fs from 'node:fs';
import { nativePath } from './byte-path.js';
import { modifiedTime, setTimes } from './file-times.js';
import { PathTree } from './path-tree.js';

interface FolderMetadata {
  readonly mode?: number;
  /** Microseconds since 1970. */
  readonly modified: number;
}

/**
 * What folders are to look like once everything in them is written: writing into a folder changes
 * its time, and may need rights that its final mode takes away.
 */
export class DeferredFolders {
  readonly #folders = new PathTree<FolderMetadata>();
  /** Which was touched last: most entries go where the one before went. */
  #touched: string | undefined;

  /** An entry of the layer says what the folder looks like. */
  set(folder: string, mode: number, modified: number): void {
    this.#folders.set(folder, { mode, modified });
  }

  /** A folder that no entry has told of was made just now: there is no time of its own to keep. */
  made(folder: string): void {
    this.#touched = folder;
  }

  /** A folder from before is about to be written into: it keeps the time it has. */
  touch(folder: string): void {
    if (folder === this.#touched) return;
    this.#touched = folder;
    if (this.#folders.get(folder) !== undefined) return;
    const stats = fs.lstatSync(nativePath(folder), { bigint: true, throwIfNoEntry: false });
    if (stats !== undefined) this.#folders.set(folder, { modified: modifiedTime(stats) });
  }

  /** A folder from before has a mode that its owner can't work with: it has it again at the end. */
  open(folder: string, mode: number): void {
    const noted = this.#folders.get(folder);
    const native = nativePath(folder);
    if (noted?.mode === undefined) {
      const modified = noted?.modified ?? modifiedTime(fs.lstatSync(native, { bigint: true }));
      this.#folders.set(folder, { mode, modified });
    }
    fs.chmodSync(native, mode | 0o700);
  }

  /** The folder is gone, with all below it. */
  forget(folder: string): void {
    this.#touched = undefined;
    this.#folders.delete(folder);
  }

  /**
   * Gives the folders their modes and times, the lowest first, since parents may lock them.
   *
   * @param isReal says no of a path that leads to something else by now.
   */
  finish(isReal: (folder: string) => boolean): void {
    for (const [folder, { mode, modified }] of this.#folders.deepestFirst()) {
      if (!isReal(folder)) continue;
      const native = nativePath(folder);
      if (mode !== undefined) fs.chmodSync(native, mode);
      setTimes(native, modified);
    }
  }
}
