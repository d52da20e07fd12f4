import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { lstatPath, nativePath } from './byte-path.js';
import { hasCode } from './system-errors.js';

/**
 * Names on a file system that folds case or Unicode forms, where several of an archive's may be of
 * one file. What was noted of a file is found again by the path that it was written under.
 */
export class FoldedNames {
  readonly #root: string;
  /** Whether folders list names as they were written. */
  readonly #areKept: boolean;
  /** Paths that were written, by what they have in common with others of the same file. */
  readonly #written = new Map<string, string>();

  private constructor(root: string, areKept: boolean) {
    this.#root = root;
    this.#areKept = areKept;
  }

  /**
   * Looks by a file that it makes for a moment; `undefined` where names are told apart.
   *
   * @param root a byte path, as all here.
   */
  static on(root: string): FoldedNames | undefined {
    // One letter has two cases, the other two forms.
    const name = `.${randomUUID()}`;
    const [probe, ...others] = [`${name}a\u00e9`, `${name}A\u00e9`, `${name}ae\u0301`].map(
      (text) => `${root}/${Buffer.from(text).toString('latin1')}`,
    ) as [string, string, string];
    try {
      fs.closeSync(fs.openSync(nativePath(probe), 'wx', 0o600));
    } catch (error) {
      // Where it can't be known, it is as well to be careful.
      if (hasCode(error, 'EACCES', 'EPERM', 'EROFS')) return new FoldedNames(root, true);
      throw error;
    }
    try {
      if (!others.some((other) => fs.existsSync(nativePath(other)))) return undefined;
      return new FoldedNames(root, isListed(probe));
    } finally {
      fs.rmSync(nativePath(probe));
    }
  }

  /** Notes that something is there now under this path, and the folders on the way to it. */
  note(path: string): void {
    for (let at = path; at.length > this.#root.length; at = at.slice(0, at.lastIndexOf('/'))) {
      const key = keyOf(at);
      if (this.#written.get(key) === at) return;
      this.#written.set(key, at);
    }
  }

  /** The path that what is there was written under, if it was by this one; else the path itself. */
  writtenAs(path: string): string {
    const written = this.#written.get(keyOf(path));
    if (written === undefined || written === path) return path;
    const [there, other] = [lstatPath(path), lstatPath(written)];
    const isSame = there !== undefined && there.ino === other?.ino && there.dev === other.dev;
    return isSame ? written : path;
  }

  /** Whether what is found under a path was written under another. */
  isCollision(path: string): boolean {
    if (this.#written.has(keyOf(path))) return this.writtenAs(path) !== path;
    return this.#areKept && !isListed(path);
  }

  /**
   * Whether no symbolic link is on the way to a path, nor at its end: file systems have more
   * names for a file than can be known, so this is looked at before what was put off is done.
   */
  isReal(path: string): boolean {
    for (let at = path; at.length > this.#root.length; at = at.slice(0, at.lastIndexOf('/'))) {
      if (lstatPath(at)?.isSymbolicLink() !== false) return false;
    }
    return true;
  }
}

function isListed(file: string): boolean {
  const at = file.lastIndexOf('/');
  return fs.readdirSync(nativePath(file.slice(0, at)), 'latin1').includes(file.slice(at + 1));
}

function keyOf(path: string): string {
  const text = Buffer.from(path, 'latin1').toString('utf8');
  return text.normalize('NFD').toLowerCase();
}
