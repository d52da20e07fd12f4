import * as fs from 'node:fs';
import type { ConfinedRoot } from './confined.js';
import type { DeferredFolders } from './deferred-folders.js';
import { InvalidLayerError } from './errors.js';

const prefix = '.wh.';
const opaque = '.wh..wh..opq';

/**
 * Takes away what a layer's whiteouts hide (OCI image spec, layer.md, Whiteouts). They hide what
 * comes from the layers below, never what their own layer brings, before or after them.
 */
export class Whiteouts {
  readonly #confined: ConfinedRoot;
  readonly #folders: DeferredFolders;
  /** What this layer has brought. */
  readonly #own = new Set<string>();

  constructor(confined: ConfinedRoot, folders: DeferredFolders) {
    this.#confined = confined;
    this.#folders = folders;
  }

  /** Notes what the layer brings, with the folders on its way. */
  keep(file: string): void {
    let own = file;
    while (own.length > this.#confined.root.length && !this.#own.has(own)) {
      this.#own.add(own);
      own = own.slice(0, own.lastIndexOf('/'));
    }
  }

  /** Applies the entry if it is a whiteout, and tells whether it was. */
  take(place: { parent: string; base: string }): boolean {
    const { parent, base } = place;
    if (!base.startsWith(prefix)) return false;
    if (base === opaque) {
      this.#folders.touch(parent);
      this.#clear(parent);
      return true;
    }
    const name = base.slice(prefix.length);
    if (name === '' || name === '.' || name === '..') {
      throw new InvalidLayerError(undefined, `'${base}' is not a whiteout`);
    }
    this.#folders.touch(parent);
    this.#hide(`${parent}/${name}`);
    return true;
  }

  #hide(file: string): void {
    if (!this.#own.has(file)) {
      fs.rmSync(file, { recursive: true, force: true });
      this.#confined.forget(file);
      this.#folders.forget(file);
    } else if (fs.lstatSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
      this.#folders.touch(file);
      this.#clear(file);
    }
  }

  #clear(folder: string): void {
    if (!fs.existsSync(folder)) return;
    for (const name of fs.readdirSync(folder)) this.#hide(`${folder}/${name}`);
  }
}
