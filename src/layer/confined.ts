import * as fs from 'node:fs';
import * as path from 'node:path';
import { InvalidLayerError } from './errors.js';

const maxLinks = 255;
/** What Linux file systems take. */
const maxNameLength = 255;

/**
 * Places within a root folder that nothing leads out of: `..` stops at the root, and symbolic
 * links on the way are followed as if the root were `/`, as a container would see them.
 *
 * The one who unpacks is the only one who writes below the root, so what was looked at stays so.
 */
export class ConfinedRoot {
  readonly root: string;
  /** Folders known to be real ones, so that they needn't be looked at again. */
  readonly #real = new Set<string>();

  constructor(root: string) {
    this.root = root;
    this.#real.add(root);
  }

  /**
   * The real path of an archive's entry: its parents are resolved within the root, the last
   * component is not. `undefined` for the root itself.
   */
  resolve(name: string): { parent: string; path: string; base: string } | undefined {
    if (name.includes('\0')) throw new InvalidLayerError(undefined, 'a name has a NUL character');
    const clean = path.posix.normalize(`/${name}`).replace(/\/+$/, '');
    if (clean === '') return undefined;
    const base = path.posix.basename(clean);
    if (Buffer.byteLength(base) > maxNameLength) {
      throw new InvalidLayerError(undefined, `a name is longer than ${maxNameLength} bytes`);
    }
    const parent = this.#resolveFolder(path.posix.dirname(clean));
    return { parent, path: `${parent}/${base}`, base };
  }

  /** Says that a path was removed, and maybe folders below it. */
  forget(removed: string): void {
    if (!this.#real.has(removed)) return;
    for (const folder of this.#real) {
      if (folder === removed || folder.startsWith(`${removed}/`)) this.#real.delete(folder);
    }
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
      const target = this.#real.has(next) ? undefined : readLink(next);
      if (target === undefined) {
        real = next;
        if (isFolder(real)) this.#real.add(real);
        continue;
      }
      if (++links > maxLinks)
        throw new InvalidLayerError(undefined, `'${clean}' is a circle of links`);
      if (target.startsWith('/')) real = this.root;
      open.push(...target.split('/').reverse());
    }
    return real;
  }
}

function readLink(file: string): string | undefined {
  try {
    return fs.readlinkSync(file);
  } catch {
    // Not a link, or not there.
    return undefined;
  }
}

function isFolder(file: string): boolean {
  return fs.lstatSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
