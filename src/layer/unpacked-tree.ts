import { lstatPath } from './byte-path.js';
import { ConfinedRoot } from './confined.js';
import { DeferredAttributes } from './deferred-attributes.js';
import { DeferredFolders } from './deferred-folders.js';
import { FoldedNames } from './folded-names.js';
import { removeTreeSync } from './trees.js';

/** A root that a layer is unpacked onto, with what is still to be done there at the end. */
export class UnpackedTree {
  readonly confined: ConfinedRoot;
  readonly folders = new DeferredFolders();
  readonly attributes: DeferredAttributes;
  readonly #isRoot = process.geteuid?.() === 0;
  #names: { readonly folded: FoldedNames | undefined } | undefined;

  /**
   * @param root an absolute path.
   * @param signal ends what is being done by programs.
   */
  constructor(root: string, signal: AbortSignal | undefined) {
    this.attributes = new DeferredAttributes(signal);
    this.confined = new ConfinedRoot(root, (folder, stats) => {
      const known = this.names?.writtenAs(folder) ?? folder;
      this.open(known, stats);
      return known;
    });
    this.open(this.confined.root);
  }

  /** `undefined` where the file system tells names apart. To be asked once the root is there. */
  get names(): FoldedNames | undefined {
    if (this.#names === undefined) {
      // Looking changes its time.
      this.folders.touch(this.confined.root);
      this.#names = { folded: FoldedNames.on(this.confined.root) };
    }
    return this.#names.folded;
  }

  /**
   * Lets a plain user into a folder of their own whose mode, of a layer below, keeps them out. The
   * mode is back when all is done.
   */
  open(folder: string, stats = lstatPath(folder)): void {
    if (this.#isRoot || stats === undefined || (stats.mode & 0o700) === 0o700) return;
    this.folders.open(folder, stats.mode & 0o7777);
  }

  /** Removes a file, or a folder with all below it, if it is there. */
  remove(file: string): void {
    // What is noted of a name must not reach what takes its place.
    this.folders.forget(file);
    this.attributes.forget(file);
    this.confined.forget();
    removeTreeSync(file);
  }

  /** Writes the attributes that are pending. */
  flushAttributes(): Promise<void> {
    return this.attributes.flush((file) => {
      // A link may have attributes of its own.
      return this.names?.isReal(file.slice(0, file.lastIndexOf('/'))) ?? true;
    });
  }

  /** Does what is still to be done. */
  async finish(): Promise<void> {
    await this.flushAttributes();
    this.folders.finish((folder) => this.names?.isReal(folder) ?? true);
  }
}
