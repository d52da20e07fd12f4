import * as fs from 'node:fs';
import { nativePath } from './byte-path.js';
import { ConfinedRoot } from './confined.js';
import { DeferredAttributes } from './deferred-attributes.js';
import { DeferredFolders } from './deferred-folders.js';

/** A root that a layer is unpacked onto, with what is still to be done there at the end. */
export class UnpackedTree {
  readonly confined: ConfinedRoot;
  readonly folders = new DeferredFolders();
  readonly attributes = new DeferredAttributes();

  /** @param root an absolute path. */
  constructor(root: string) {
    this.confined = new ConfinedRoot(root);
  }

  /** Removes a file, or a folder with all below it, if it is there. */
  remove(file: string): void {
    // What is noted of a name must not reach what takes its place.
    this.folders.forget(file);
    this.attributes.forget(file);
    this.confined.forget();
    fs.rmSync(nativePath(file), { recursive: true, force: true });
  }

  /** Does what is still to be done. */
  async finish(): Promise<void> {
    await this.attributes.flush();
    this.folders.finish();
  }
}
