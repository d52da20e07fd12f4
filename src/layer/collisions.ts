import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { nativePath } from './byte-path.js';
import type { Place } from './confined.js';

/**
 * Finds names that differ in the archive and are the same on disk: on file systems that fold case
 * or Unicode forms, where the later entry takes the earlier one's place.
 */
export class Collisions {
  readonly #root: string;
  #folds: boolean | undefined;

  /** @param root a byte path. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Whether what is found under the place's name was written under another. */
  isCollision({ parent, base }: Place): boolean {
    this.#folds ??= foldsNames(this.#root);
    if (!this.#folds) return false;
    return !fs.readdirSync(nativePath(parent), 'latin1').includes(base);
  }
}

/** Tells by a file that it makes for a moment. */
function foldsNames(root: string): boolean {
  const name = `.${randomUUID()}`;
  const probe = `${root}/${name}a`;
  fs.closeSync(fs.openSync(nativePath(probe), 'wx', 0o600));
  try {
    return fs.existsSync(nativePath(`${root}/${name}A`));
  } finally {
    fs.rmSync(nativePath(probe));
  }
}
