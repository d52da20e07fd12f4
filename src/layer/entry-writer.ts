import * as fs from 'node:fs';
import { lstatPath, nativePath, shownPath } from './byte-path.js';
import type { Place } from './confined.js';
import { InvalidLayerError } from './errors.js';
import { setTimes } from './file-times.js';
import { HardLinks } from './hard-links.js';
import { makeNode } from './make-node.js';
import type { FileSharing } from './file-sharing.js';
import { hasCode } from './system-errors.js';
import type { TarHeader } from './tar-header.js';
import type { TarEntry } from './tar-reader.js';
import type { UnpackedTree } from './unpacked-tree.js';
import { writeData } from './write-data.js';

/** How an {@link EntryWriter} writes. */
export interface EntryWriterOptions {
  /** Uses the originals of files where entries have some. */
  readonly sharing: FileSharing | undefined;
  /** What is there already: a layer that is stored on its own has none below it. */
  readonly onto: 'nothing' | 'layers';
}

const setGroupID = 0o2000;

/**
 * Writes one entry after the other. Small files and metadata go by synchronous calls, each of
 * which takes microseconds, where the way through the thread pool would cost ten times that.
 */
export class EntryWriter {
  readonly #tree: UnpackedTree;
  readonly #sharing: FileSharing | undefined;
  readonly #onto: EntryWriterOptions['onto'];
  readonly #links: HardLinks;
  readonly #omissions = new Set<string>();
  readonly #isRoot = process.geteuid?.() === 0;
  /** Whether new files may get another group than ours: new folders get their modes at the end. */
  #givesGroup: boolean | undefined;
  /** How many entries took the place of something. */
  replacements = 0;

  constructor(tree: UnpackedTree, { sharing, onto }: EntryWriterOptions) {
    this.#tree = tree;
    this.#sharing = sharing;
    this.#onto = onto;
    this.#links = new HardLinks(tree, onto);
  }

  /** What this user or file system couldn't do. */
  get omissions(): string[] {
    return [...this.#omissions, ...this.#tree.attributes.omissions].sort();
  }

  /**
   * @param place where the entry goes; `undefined` stands for the root itself.
   * @returns the path that what it brings is known by; `undefined` for the root.
   */
  async write(entry: TarEntry, place: Place | undefined): Promise<string | undefined> {
    const { header } = entry;
    if (place === undefined) {
      const { root } = this.#tree.confined;
      // A layer that is stored on its own has a new one.
      if (header.type === 'directory')
        this.#describeFolder(root, header, this.#onto === 'nothing' ? 'new' : 'old');
      return undefined;
    }
    this.#prepareParent(place.parent);
    // Most files are new, so that it is quicker to try than to look.
    if (this.#link(place.path, entry)) {
      this.#tree.names?.note(place.path);
      return place.path;
    }
    const isOwnFile = header.type === 'file' && entry.original === undefined;
    const descriptor = isOwnFile ? openNew(place.path) : undefined;
    const file = descriptor === undefined ? this.#clearWay(place, header) : place.path;
    if (header.type === 'link' && file !== place.path) return file;
    const isThere = await this.#make(file, entry, descriptor);
    if (isThere) this.#noteMade(file, header);
    if (this.#tree.attributes.isFull) await this.#tree.flushAttributes();
    return file;
  }

  /**
   * Tells whether it could.
   *
   * @param descriptor the file, where it is made and open already.
   */
  async #make(file: string, entry: TarEntry, descriptor?: number): Promise<boolean> {
    const { header } = entry;
    switch (header.type) {
      case 'file':
        if (descriptor !== undefined) await this.#fill(descriptor, entry);
        else if (!this.#share(file, entry)) {
          await this.#fill(fs.openSync(nativePath(file), 'wx', 0o600), entry);
        }
        return true;
      case 'directory':
        this.#makeFolder(file, header);
        return true;
      case 'symlink':
        if (header.linkname === '') throw leadsNowhere(header);
        fs.symlinkSync(nativePath(header.linkname), nativePath(file));
        this.#own(file, header);
        setTimes(nativePath(file), header.modified);
        return true;
      case 'link':
        if (this.#links.make(file, header)) return true;
        this.#omissions.add('hard link to a lower layer');
        return false;
      case 'fifo':
      case 'block-device':
      case 'character-device':
        return this.#makeNode(file, header);
      case undefined:
        throw new InvalidLayerError(
          undefined,
          `'${shownPath(header.name)}' is of a kind that can't be unpacked (${JSON.stringify(header.flag)})`,
        );
    }
  }

  /** Makes a file from its original, where it has one, without writing its bytes. */
  #share(file: string, entry: TarEntry): boolean {
    const { header, original } = entry;
    const sharing = this.#sharing;
    if (sharing === undefined || original === undefined) return false;
    if (this.#link(file, entry)) return true;
    if (!sharing.clone(original, file)) {
      sharing.copied();
      return false;
    }
    this.#own(file, header);
    fs.chmodSync(nativePath(file), header.mode);
    setTimes(nativePath(file), header.modified);
    return true;
  }

  /** Makes a file another name of its original, if that is wanted and can be, and nothing is there. */
  #link(file: string, { header, original }: TarEntry): boolean {
    if (original === undefined || this.#sharing?.link(original, file, header) !== true)
      return false;
    if (!this.#isRoot) this.#noteOwner(header);
    return true;
  }

  /** Makes an empty file what its entry says, and closes it. */
  async #fill(descriptor: number, entry: TarEntry): Promise<void> {
    const { header } = entry;
    try {
      await writeData(descriptor, entry);
      if (!this.#isRoot) this.#noteOwner(header);
      else if (!this.#isBornOwned(header)) fs.fchownSync(descriptor, header.uid, header.gid);
      fs.fchmodSync(descriptor, header.mode);
      setTimes(descriptor, header.modified);
    } finally {
      fs.closeSync(descriptor);
    }
  }

  #makeFolder(folder: string, header: TarHeader): void {
    const made = fs.mkdirSync(nativePath(folder), { recursive: true, mode: 0o700 });
    if (made !== undefined) this.#tree.confined.know(folder);
    this.#describeFolder(folder, header, made === undefined ? 'old' : 'new');
  }

  #describeFolder(folder: string, header: TarHeader, age: 'new' | 'old'): void {
    const { folders, attributes } = this.#tree;
    // Some file systems have each folder give its group to what is new in it.
    if (header.gid !== 0) this.#givesGroup = true;
    this.#own(folder, header);
    folders.set(folder, header.mode, header.modified);
    if (age === 'old') attributes.replace(folder, header.attributes);
    else if (header.attributes !== undefined) attributes.set(folder, header.attributes);
  }

  #noteMade(file: string, { type, attributes }: TarHeader): void {
    this.#tree.names?.note(file);
    const hasOwn = type !== 'link' && type !== 'directory';
    if (hasOwn && attributes !== undefined) this.#tree.attributes.set(file, attributes);
  }

  /** Whether root's new files have this owner anyway: nowhere below does a folder give its own. */
  #isBornOwned({ uid, gid }: TarHeader): boolean {
    if (uid !== 0 || gid !== 0) return false;
    this.#givesGroup ??= this.#onto !== 'nothing' || process.getegid?.() !== 0 || this.#rootGives();
    return !this.#givesGroup;
  }

  #rootGives(): boolean {
    const { gid, mode } = fs.lstatSync(nativePath(this.#tree.confined.root));
    return gid !== 0 || (mode & setGroupID) !== 0;
  }

  #prepareParent(parent: string): void {
    if (this.#tree.confined.isKnownFolder(parent)) {
      this.#tree.folders.touch(parent);
      return;
    }
    const there = lstatPath(parent);
    if (there?.isDirectory() === true) {
      this.#tree.folders.touch(parent);
      return;
    }
    // A file where the entry needs a folder is overridden by it, as any earlier entry is.
    const [folder, obstacle] = lowestFolder(this.#tree.confined.root, parent);
    this.#tree.folders.touch(folder);
    if (obstacle !== undefined) this.#replace(obstacle);
    fs.mkdirSync(nativePath(parent), { recursive: true, mode: 0o755 });
    this.#tree.confined.know(parent);
    this.#tree.folders.made(parent);
  }

  /**
   * Removes what is in the way. Returns where the entry goes: its place, or where what stays is
   * known from: a folder for a folder, and a file that is the link to it, where names are folded.
   */
  #clearWay(place: Place, header: TarHeader): string {
    const there = lstatPath(place.path);
    if (there === undefined) return place.path;
    const { names } = this.#tree;
    if (names?.isCollision(place.path) === true)
      this.#omissions.add('names that differ in case or form');
    const former = names?.writtenAs(place.path) ?? place.path;
    if (there.isDirectory() && header.type === 'directory') return former;
    if (header.type === 'link' && this.#links.leadsTo(former, header)) {
      if (former !== place.path) return former;
      throw new InvalidLayerError(
        undefined,
        `'${shownPath(header.name)}' is a hard link to itself`,
      );
    }
    this.#replace(former);
    return place.path;
  }

  #replace(file: string): void {
    this.replacements++;
    this.#tree.remove(file);
  }

  async #makeNode(file: string, header: TarHeader): Promise<boolean> {
    const mayMake = header.type === 'fifo' || this.#isRoot;
    if (!mayMake || !(await makeNode(file, header))) {
      this.#omissions.add(header.type === 'fifo' ? 'fifo' : 'device');
      return false;
    }
    this.#own(file, header);
    fs.chmodSync(nativePath(file), header.mode);
    setTimes(nativePath(file), header.modified);
    return true;
  }

  #own(file: string, header: TarHeader): void {
    if (this.#isRoot) fs.lchownSync(nativePath(file), header.uid, header.gid);
    else this.#noteOwner(header);
  }

  #noteOwner({ uid, gid }: TarHeader): void {
    if (uid !== process.geteuid?.() || gid !== process.getegid?.()) this.#omissions.add('owner');
  }
}

/** `undefined` where something is. */
function openNew(file: string): number | undefined {
  try {
    return fs.openSync(nativePath(file), 'wx', 0o600);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return undefined;
    throw error;
  }
}

function leadsNowhere({ name }: TarHeader): InvalidLayerError {
  return new InvalidLayerError(undefined, `'${shownPath(name)}' is a symbolic link to nowhere`);
}

/** The lowest folder there is on the way to another, and what stands there in the way. */
function lowestFolder(root: string, folder: string): [folder: string, obstacle?: string] {
  let lowest = root;
  for (const component of folder.slice(root.length + 1).split('/')) {
    const next = `${lowest}/${component}`;
    const there = lstatPath(next);
    if (there === undefined) return [lowest];
    if (!there.isDirectory()) return [lowest, next];
    lowest = next;
  }
  return [lowest];
}
