import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import type { ConfinedRoot } from './confined.js';
import type { DeferredFolders } from './deferred-folders.js';
import { InvalidLayerError } from './errors.js';
import { paxRecords, type TarEntry, type TarHeader } from './tar-reader.js';

/** Where an entry goes; `undefined` stands for the root itself. */
type Place = ReturnType<ConfinedRoot['resolve']>;

/** Above this, a file's chunks are written off the main thread. */
const largeFile = 1024 * 1024;

/**
 * Writes one entry after the other. Small files and metadata go by synchronous calls, each of
 * which takes microseconds, where the way through the thread pool would cost ten times that.
 */
export class EntryWriter {
  readonly #confined: ConfinedRoot;
  readonly #folders: DeferredFolders;
  readonly #omissions = new Set<string>();
  readonly #isRoot = process.geteuid?.() === 0;

  constructor(confined: ConfinedRoot, folders: DeferredFolders) {
    this.#confined = confined;
    this.#folders = folders;
  }

  /** What this user or file system couldn't do. */
  get omissions(): string[] {
    return [...this.#omissions].sort();
  }

  async write(entry: TarEntry, place: Place): Promise<void> {
    const { header } = entry;
    if (place === undefined) {
      if (header.type === 'directory') this.#describeFolder(this.#confined.root, header);
      entry.resume();
      return;
    }
    refuseSparse(header);
    this.#noteAttributes(header);
    this.#prepareParent(place.parent);
    this.#clearWay(place.path, header);
    switch (header.type) {
      case 'file':
      case 'contiguous-file':
        await this.#writeFile(place.path, entry);
        return;
      case 'directory':
        fs.mkdirSync(place.path, { recursive: true, mode: 0o700 });
        this.#describeFolder(place.path, header);
        break;
      case 'symlink':
        fs.symlinkSync(header.linkname, place.path);
        this.#own(place.path, header);
        fs.lutimesSync(place.path, modified(header), modified(header));
        break;
      case 'link':
        fs.linkSync(this.#linkTarget(header), place.path);
        break;
      case 'fifo':
      case 'block-device':
      case 'character-device':
        this.#makeNode(place.path, header);
        break;
      default:
        throw new InvalidLayerError(
          undefined,
          `'${header.name}' is of a kind that can't be unpacked (${String(header.type)})`,
        );
    }
    entry.resume();
  }

  async #writeFile(file: string, entry: TarEntry): Promise<void> {
    const { header } = entry;
    const descriptor = fs.openSync(file, 'wx', 0o600);
    try {
      for await (const chunk of entry) {
        if (header.size > largeFile) await writeAll(descriptor, chunk);
        else writeAllSync(descriptor, chunk);
      }
      if (this.#isRoot) fs.fchownSync(descriptor, header.uid, header.gid);
      else this.#noteOwner(header);
      fs.fchmodSync(descriptor, mode(header));
      fs.futimesSync(descriptor, modified(header), modified(header));
    } finally {
      fs.closeSync(descriptor);
    }
  }

  #describeFolder(folder: string, header: TarHeader): void {
    this.#own(folder, header);
    this.#folders.set(folder, mode(header), modified(header));
  }

  #prepareParent(parent: string): void {
    if (fs.lstatSync(parent, { throwIfNoEntry: false })?.isDirectory() === true) {
      this.#folders.touch(parent);
      return;
    }
    // A file where the entry needs a folder is overridden by it, as any earlier entry is.
    const obstacle = firstObstacle(this.#confined.root, parent);
    if (obstacle !== undefined) fs.rmSync(obstacle, { force: true });
    const first = fs.mkdirSync(parent, { recursive: true, mode: 0o755 });
    if (first !== undefined) this.#folders.touch(first.slice(0, first.lastIndexOf('/')));
  }

  /** Removes what is in the way; a folder stays for a folder. */
  #clearWay(file: string, header: TarHeader): void {
    const there = fs.lstatSync(file, { throwIfNoEntry: false });
    if (there === undefined || (there.isDirectory() && header.type === 'directory')) return;
    if (header.type === 'link' && this.#linkTarget(header) === file) {
      throw new InvalidLayerError(undefined, `'${header.name}' is a hard link to itself`);
    }
    fs.rmSync(file, { recursive: true });
    this.#confined.forget(file);
    this.#folders.forget(file);
  }

  #linkTarget({ name, linkname }: TarHeader): string {
    const target = this.#confined.resolve(linkname);
    if (target === undefined || !isLinkable(target.path)) {
      throw new InvalidLayerError(
        undefined,
        `'${name}' is a hard link to '${linkname}', which isn't a file of the layer`,
      );
    }
    return target.path;
  }

  #makeNode(file: string, header: TarHeader): void {
    const { type, devmajor, devminor } = header;
    if (type !== 'fifo' && !this.#isRoot) {
      this.#omissions.add('device');
      return;
    }
    const numbers = [String(devmajor), String(devminor)];
    const kind = type === 'fifo' ? ['p'] : [type === 'block-device' ? 'b' : 'c', ...numbers];
    // Node has no mknod; devices are rare enough in layers for a process each.
    execFileSync('mknod', ['--', file, ...kind], { stdio: 'pipe' });
    this.#own(file, header);
    fs.chmodSync(file, mode(header));
    fs.utimesSync(file, modified(header), modified(header));
  }

  #own(file: string, header: TarHeader): void {
    if (this.#isRoot) fs.lchownSync(file, header.uid, header.gid);
    else this.#noteOwner(header);
  }

  #noteOwner({ uid, gid }: TarHeader): void {
    if (uid !== process.geteuid?.() || gid !== process.getegid?.()) this.#omissions.add('owner');
  }

  #noteAttributes(header: TarHeader): void {
    for (const key of Object.keys(paxRecords(header))) {
      if (key.startsWith('SCHILY.xattr.')) this.#omissions.add(`xattr ${key.slice(13)}`);
    }
  }
}

/** Their data is a map of pieces that would have to be put together; no layer should use them. */
function refuseSparse(header: TarHeader): void {
  const isPaxSparse = Object.keys(paxRecords(header)).some((key) => key.startsWith('GNU.sparse.'));
  // tar-stream knows no name for the old form, type S.
  if (isPaxSparse || (header.type as string | null) === null) {
    throw new InvalidLayerError(
      undefined,
      `'${header.name}' is in GNU's sparse form, or of an unknown kind`,
    );
  }
}

function mode(header: TarHeader): number {
  return header.mode & 0o7777;
}

/** Seconds since 1970; a PAX record has them with fractions. */
function modified(header: TarHeader): number {
  const exact = Number.parseFloat(paxRecords(header)['mtime'] ?? '');
  const seconds = Number.isFinite(exact) ? exact : header.mtime.getTime() / 1000;
  // Node takes a negative number for the time it is now.
  return Math.max(0, seconds);
}

function isLinkable(file: string): boolean {
  return fs.lstatSync(file, { throwIfNoEntry: false })?.isDirectory() === false;
}

function firstObstacle(root: string, folder: string): string | undefined {
  let current = root;
  for (const component of folder.slice(root.length + 1).split('/')) {
    current += `/${component}`;
    const there = fs.lstatSync(current, { throwIfNoEntry: false });
    if (there === undefined) return undefined;
    if (!there.isDirectory()) return current;
  }
  return undefined;
}

function writeAllSync(descriptor: number, chunk: Buffer): void {
  let written = 0;
  while (written < chunk.length) written += fs.writeSync(descriptor, chunk, written);
}

async function writeAll(descriptor: number, chunk: Buffer): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    written += await new Promise<number>((resolve, reject) => {
      fs.write(descriptor, chunk, written, chunk.length - written, null, (error, count) => {
        if (error) reject(error);
        else resolve(count);
      });
    });
  }
}
