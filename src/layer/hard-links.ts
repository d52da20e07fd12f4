import * as fs from 'node:fs';
import { lstatPath, nativePath, shownPath } from './byte-path.js';
import { InvalidLayerError } from './errors.js';
import type { TarHeader } from './tar-header.js';
import type { UnpackedTree } from './unpacked-tree.js';

/** The entries of a layer that are further names of files which are there already. */
export class HardLinks {
  readonly #tree: UnpackedTree;
  readonly #onto: 'nothing' | 'layers';

  /** @param onto what is there below the layer. */
  constructor(tree: UnpackedTree, onto: 'nothing' | 'layers') {
    this.#tree = tree;
    this.#onto = onto;
  }

  /** Tells whether it could: what a layer that is stored on its own links to may be below it. */
  make(file: string, header: TarHeader): boolean {
    const target = this.#targetOf(header);
    if (target === undefined) return false;
    link(target, file);
    return true;
  }

  /** Whether a link's target is what is in its way, or below that. */
  leadsTo(obstacle: string, header: TarHeader): boolean {
    const target = this.#targetOf(header);
    return target === obstacle || target?.startsWith(`${obstacle}/`) === true;
  }

  /** `undefined` where it may be in a layer below. */
  #targetOf({ name, linkname }: TarHeader): string | undefined {
    const target = this.#tree.confined.resolve(linkname);
    const there = target && lstatPath(target.path);
    if (target !== undefined && there?.isDirectory() === false) {
      return this.#tree.names?.writtenAs(target.path) ?? target.path;
    }
    if (target !== undefined && there === undefined && this.#onto === 'nothing') return undefined;
    throw new InvalidLayerError(
      undefined,
      `'${shownPath(name)}' is a hard link to '${shownPath(linkname)}', which isn't a file of the layer`,
    );
  }
}

/** Makes a second name of a file, or of a symbolic link, which isn't followed. */
function link(target: string, file: string): void {
  const isSymlink = fs.lstatSync(nativePath(target)).isSymbolicLink();
  if (isSymlink && process.platform !== 'linux') {
    // Elsewhere link() may follow it, out of the root.
    fs.symlinkSync(fs.readlinkSync(nativePath(target), 'buffer'), nativePath(file));
  } else {
    fs.linkSync(nativePath(target), nativePath(file));
  }
}
