import * as fs from 'node:fs';
import * as path from 'node:path';
import { lstatPath, nativePath, shownPath, toBytePath } from './byte-path.js';
import { InvalidLayerError } from './errors.js';

/** Is told of each folder that is found on the way; returns the path that it is to go by. */
type Found = (folder: string, stats: fs.Stats) => string;

const maxLinks = 255;
/** What Linux file systems take for a component, and its calls for a path. */
const maxNameLength = 255;
const maxPathLength = 4095;

/** Where an entry goes. Byte paths. */
export interface Place {
  /** The folder, with no symbolic link on the way to it. It needn't exist. */
  readonly parent: string;
  readonly path: string;
  /** The last component. */
  readonly base: string;
}

/**
 * Places within a root folder that nothing leads out of: `..` stops at the root, and symbolic
 * links on the way are followed as if the root were `/`, as a container would see them.
 *
 * The one who unpacks is the only one who writes below the root, so what was looked at stays so.
 */
export class ConfinedRoot {
  /** As a byte path. */
  readonly root: string;
  /** Folders known to be real ones, so that they needn't be looked at again. */
  readonly #real = new Set<string>();
  readonly #found: Found;
  /** The folder of the entry before, as its name has it and as it is: most have the same one. */
  #before = nowhere;

  /** @param root an absolute path. */
  constructor(root: string, found: Found = (folder) => folder) {
    this.root = toBytePath(root);
    this.#found = found;
    this.#real.add(this.root);
  }

  /**
   * The real path of an archive's entry: its parents are resolved within the root, the last
   * component is not. `undefined` for the root itself.
   *
   * @throws InvalidLayerError for a name that no file can have.
   */
  resolve(name: string): Place | undefined {
    if (name.includes('\0')) throw new InvalidLayerError(undefined, 'a name has a NUL character');
    if (name.length > maxPathLength) throw tooLong(name, 'path', maxPathLength);
    const slash = name.lastIndexOf('/');
    const base = name.slice(slash + 1);
    // Neither empty nor dots, it stands for itself.
    const isPlain = slash > 0 && !['', '.', '..'].includes(base);
    const { named, real } = this.#before;
    const isNext = isPlain && slash === named.length && name.startsWith(named);
    if (isNext && this.#real.has(real)) return placeIn(real, base);
    const clean = path.posix.normalize(`/${name}`).replace(/\/+$/, '');
    if (clean === '') return undefined;
    const parent = this.#resolveFolder(path.posix.dirname(clean));
    this.#before = isPlain ? { named: name.slice(0, slash), real: parent } : nowhere;
    return placeIn(parent, path.posix.basename(clean));
  }

  /** Whether a path is known to be of a folder itself; no: it must be looked at. */
  isKnownFolder(path: string): boolean {
    return this.#real.has(path);
  }

  /** Says that a folder was made, with no symbolic link on the way to it. */
  know(folder: string): void {
    this.#real.add(folder);
  }

  /**
   * Says that a folder was removed. Not only its own name leads nowhere then: on a file system that
   * folds case or Unicode forms, others did too. So all is to be looked at again.
   */
  forget(): void {
    this.#real.clear();
    this.#real.add(this.root);
    this.#before = nowhere;
  }

  #resolveFolder(clean: string): string {
    const quick = clean === '/' ? this.root : this.root + clean;
    if (this.#real.has(quick)) return quick;
    const open = clean.split('/').filter(Boolean).reverse();
    let links = 0;
    let real = this.root;
    while (open.length > 0) {
      const component = open.pop() ?? '';
      if (component === '.' || component === '') continue;
      if (component === '..') {
        real = real === this.root ? real : path.posix.dirname(real);
        continue;
      }
      const next = `${real}/${component}`;
      if (this.#real.has(next)) {
        real = next;
        continue;
      }
      const there = lstatPath(next);
      if (there?.isSymbolicLink() !== true) {
        real = this.#enter(next, there);
        continue;
      }
      if (++links > maxLinks) {
        throw new InvalidLayerError(undefined, `'${shownPath(clean)}' is a circle of links`);
      }
      const target = fs.readlinkSync(nativePath(next), 'latin1');
      if (target.startsWith('/')) real = this.root;
      for (const each of target.split('/').reverse()) open.push(each);
    }
    return real;
  }

  /** What isn't a link is a folder, or nothing yet. */
  #enter(next: string, stats: fs.Stats | undefined): string {
    if (stats?.isDirectory() !== true) return next;
    const folder = this.#found(next, stats);
    this.#real.add(folder);
    return folder;
  }
}

const nowhere = { named: '', real: '' };

/** @throws InvalidLayerError for a name that is too long. */
function placeIn(parent: string, base: string): Place {
  if (base.length > maxNameLength) throw tooLong(base, 'name', maxNameLength);
  return { parent, path: `${parent}/${base}`, base };
}

function tooLong(name: string, what: string, limit: number): InvalidLayerError {
  const problem = `the ${what} '${shownPath(name)}' is longer than ${limit} bytes`;
  return new InvalidLayerError(undefined, problem);
}
