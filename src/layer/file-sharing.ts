import * as fs from 'node:fs';
import { nativePath } from './byte-path.js';
import { hasCode } from './system-errors.js';
import type { TarHeader } from './tar-header.js';
import type { OriginalFile } from './tar-reader.js';

/**
 * How files that are unpacked may share their bytes with those of a store.
 *
 * - `reflink`: by clones, whose blocks are shared until either is written to; where the file system
 *   has none, by copies. What becomes of one never shows in the other.
 * - `hard`: by further names of the same files. Whoever writes to one of them, or changes its mode,
 *   owner or time, changes the store's.
 */
export type SharingMode = 'reflink' | 'hard';

/** How many files were shared in which way. */
export interface SharedFiles {
  readonly linked: number;
  readonly cloned: number;
  readonly copied: number;
}

const setUserOrGroupID = 0o6000;

/** Makes files from originals that have the same bytes. */
export class FileSharing {
  /** Until the file system has said that it doesn't. */
  #clones = true;
  #links: boolean;
  #linked = 0;
  #cloned = 0;
  #copied = 0;

  constructor(mode: SharingMode) {
    this.#links = mode === 'hard';
  }

  get files(): SharedFiles {
    return { linked: this.#linked, cloned: this.#cloned, copied: this.#copied };
  }

  /**
   * Makes the file another name of its original, if that is wanted, if nothing has to be changed
   * about it, and if nothing is there.
   *
   * @param file a byte path, as below.
   */
  link(original: OriginalFile, file: string, header: TarHeader): boolean {
    if (!this.#links || header.attributes !== undefined || !original.isAlike) return false;
    try {
      fs.linkSync(nativePath(original.path), nativePath(file));
    } catch (error) {
      // Another file system, one without links, no right to link what is another's.
      if (hasCode(error, 'EXDEV', 'EPERM', 'EACCES', 'ENOTSUP', 'ENOSYS')) this.#links = false;
      // The original has as many names as one can have, or something has this one.
      else if (!hasCode(error, 'EMLINK', 'EEXIST')) throw error;
      return false;
    }
    this.#linked++;
    return true;
  }

  /**
   * Makes the file a clone of its original, if the file system can. Its metadata is to be set.
   *
   * A clone is born with the original's mode and with us as its owner: one that runs as its owner
   * would run as root for a moment.
   */
  clone(original: OriginalFile, file: string): boolean {
    if (!this.#clones) return false;
    const { mode: originalMode } = fs.lstatSync(nativePath(original.path));
    if ((originalMode & setUserOrGroupID) !== 0) return false;
    const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = fs.constants;
    const mode = COPYFILE_EXCL | COPYFILE_FICLONE_FORCE;
    try {
      fs.copyFileSync(nativePath(original.path), nativePath(file), mode);
    } catch (error) {
      if (!hasCode(error, 'ENOTSUP', 'EXDEV', 'ENOSYS', 'ENOTTY', 'EINVAL')) throw error;
      this.#clones = false;
      return false;
    }
    this.#cloned++;
    return true;
  }

  /** Takes note of a file that was written from its original's bytes. */
  copied(): void {
    this.#copied++;
  }
}
