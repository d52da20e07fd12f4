import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { livenessOf, nameOwner } from './lock-owner.js';

type Stats = Pick<fs.Stats, 'mtime'>;
type Callback = (error: NodeJS.ErrnoException | null, stats?: Stats) => void;

/**
 * How proper-lockfile keeps one lock on disk: as a symbolic link that names its owner, where it
 * would make a folder that names nobody. The link is made in one step too, and tells others at
 * once whether the holder still runs: a dead process's lock is taken over without a wait, and
 * that of a live one never, however long it was silent. Only where that can't be known does
 * the library's own rule decide, the time since the holder was last heard of.
 */
export class LockEntry {
  readonly #owner = nameOwner();
  readonly #onAbandoned: (owner: string) => void;
  #isHeld = false;
  /** Whom the lock belonged to when it was last looked at, if not to this. */
  #former = '';

  /** @param onAbandoned hears of each lock that is removed since its owner is gone or silent. */
  constructor(onAbandoned: (owner: string) => void) {
    this.#onAbandoned = onAbandoned;
  }

  readonly mkdir = (file: string, done: Callback): void => {
    answer(file, done, () => {
      fs.symlinkSync(this.#owner, file);
      this.#isHeld = true;
      return undefined;
    });
  };

  readonly rmdir = (file: string, done: Callback): void => {
    answer(file, done, () => {
      if (this.#isHeld) {
        this.rmdirSync(file);
        return undefined;
      }
      removeOf(this.#former, file);
      this.#onAbandoned(this.#former);
      return undefined;
    });
  };

  /** For the end of the process. */
  readonly rmdirSync = (file: string): void => {
    this.#isHeld = false;
    fs.unlinkSync(file);
  };

  readonly stat = (file: string, done: Callback): void => {
    answer(file, done, () => {
      const { mtime } = fs.lstatSync(file);
      if (this.#isHeld) return { mtime };
      this.#former = fs.readlinkSync(file);
      return { mtime: lastHeardOf(this.#former, mtime) };
    });
  };

  readonly utimes = (file: string, accessed: Date, modified: Date, done: Callback): void => {
    answer(file, done, () => {
      fs.lutimesSync(file, accessed, modified);
      return undefined;
    });
  };
}

/** Tells whether anybody, dead or alive, holds the lock. */
export function isLocked(file: string): boolean {
  return fs.lstatSync(`${file}.lock`, { throwIfNoEntry: false }) !== undefined;
}

function lastHeardOf(owner: string, modified: Date): Date {
  switch (livenessOf(owner)) {
    case 'alive':
      return new Date();
    case 'gone':
      return new Date(0);
    case 'unknown':
      return modified;
  }
}

/** Removes the lock of a former owner, and puts back what another has put there meanwhile. */
function removeOf(former: string, file: string): void {
  const aside = `${file}.${randomUUID()}`;
  fs.renameSync(file, aside);
  if (fs.readlinkSync(aside) !== former) fs.linkSync(aside, file);
  fs.unlinkSync(aside);
}

function answer(file: string, done: Callback, work: () => Stats | undefined): void {
  let stats: Stats | undefined;
  try {
    stats = work();
  } catch (error) {
    // Of a link, the system would name what it says in place of where it is.
    done(Object.assign(error as NodeJS.ErrnoException, { path: file }));
    return;
  }
  done(null, stats);
}
