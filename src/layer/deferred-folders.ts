import * as fs from 'node:fs';

interface FolderMetadata {
  readonly mode?: number;
  readonly modified: number;
}

/**
 * What folders are to look like once everything in them is written: writing into a folder changes
 * its time, and may need rights that its final mode takes away.
 */
export class DeferredFolders {
  readonly #folders = new Map<string, FolderMetadata>();

  /** An entry of the layer says what the folder looks like. */
  set(folder: string, mode: number, modified: number): void {
    this.#folders.set(folder, { mode, modified });
  }

  /** A folder from before is about to be written into: it keeps the time it has. */
  touch(folder: string): void {
    if (this.#folders.has(folder)) return;
    const modified = fs.lstatSync(folder, { throwIfNoEntry: false })?.mtimeMs;
    if (modified !== undefined) this.#folders.set(folder, { modified: modified / 1000 });
  }

  /** The folder is gone, with all below it. */
  forget(folder: string): void {
    if (!this.#folders.delete(folder)) return;
    for (const other of this.#folders.keys()) {
      if (other.startsWith(`${folder}/`)) this.#folders.delete(other);
    }
  }

  /** Gives the folders their modes and times, the lowest first, since parents may lock them. */
  finish(): void {
    const deepestFirst = [...this.#folders].sort(([a], [b]) => (a < b ? 1 : -1));
    for (const [folder, { mode, modified }] of deepestFirst) {
      if (mode !== undefined) fs.chmodSync(folder, mode);
      fs.utimesSync(folder, modified, modified);
    }
  }
}
