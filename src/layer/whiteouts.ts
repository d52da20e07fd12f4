import * as fs from 'node:fs';
import { lstatPath, nativePath, shownPath } from './byte-path.js';
import { InvalidLayerError } from './errors.js';
import type { UnpackedTree } from './unpacked-tree.js';

const prefix = '.wh.';
const opaque = '.wh..wh..opq';

/**
 * Takes away what a layer's whiteouts hide (OCI image spec, layer.md, Whiteouts). They hide what
 * comes from the layers below, never what their own layer brings, before or after them.
 */
export class Whiteouts {
  readonly #tree: UnpackedTree;
  /** What this layer has brought. */
  readonly #own = new Set<string>();

  constructor(tree: UnpackedTree) {
    this.#tree = tree;
  }

  /** Notes what the layer brings, with the folders on its way. */
  keep(file: string): void {
    let own = file;
    while (own.length > this.#tree.confined.root.length && !this.#own.has(own)) {
      this.#own.add(own);
      own = own.slice(0, own.lastIndexOf('/'));
    }
  }

  /** Applies the entry if it is a whiteout, and tells whether it was. */
  take(place: { parent: string; base: string }): boolean {
    const { parent, base } = place;
    if (!base.startsWith(prefix)) return false;
    const name = base.slice(prefix.length);
    if (name === '' || name === '.' || name === '..') {
      throw new InvalidLayerError(undefined, `'${shownPath(base)}' is not a whiteout`);
    }
    // What isn't there needn't be hidden.
    if (!isFolder(parent)) return true;
    if (base === opaque) {
      this.#tree.folders.touch(parent);
      this.#clear(parent);
      return true;
    }
    this.#tree.folders.touch(parent);
    this.#hide(`${parent}/${name}`);
    return true;
  }

  #hide(found: string): void {
    const file = this.#tree.names?.writtenAs(found) ?? found;
    if (!this.#own.has(file)) {
      this.#tree.remove(file);
    } else if (isFolder(file)) {
      this.#tree.folders.touch(file);
      this.#clear(file);
    }
  }

  #clear(folder: string): void {
    this.#tree.open(folder);
    for (const name of fs.readdirSync(nativePath(folder), 'latin1'))
      this.#hide(`${folder}/${name}`);
  }
}

function isFolder(file: string): boolean {
  return lstatPath(file)?.isDirectory() === true;
}
