import * as fs from 'node:fs';
import * as path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { nativePath, shownPath } from './byte-path.js';
import { ConfinedRoot } from './confined.js';
import { readEntryBatches, readEntryList, type ListedEntry } from './entry-list.js';
import { changedWhileRead } from './errors.js';
import { modifiedTime } from './file-times.js';
import type { TarHeader } from './tar-header.js';
import type { TarEntry } from './tar-reader.js';

/** Bytes of a small file at most. */
const smallSize = 256 * 1024;
/** Bytes that are read at a time: fewer waits for the thread pool. */
const readSize = 1024 * 1024;
const ownerMayRead = 0o400;

/** A layer's folder in a store, whose files can stand for those of the archive. */
export class StoredFiles {
  readonly #list: string;
  readonly #confined: ConfinedRoot;
  readonly #user = process.geteuid?.();
  /** Which entries' files have another owner or mode than stated. */
  readonly #unlike = new Set<number>();

  /** @param folder absolute. */
  constructor(folder: string) {
    this.#list = entryListIn(folder);
    this.#confined = new ConfinedRoot(path.join(folder, 'diff'));
  }

  /**
   * Whether every entry's file is there, of the size and time that the layer gave it, and can be
   * read. One that was written to since, through a hard link say, isn't.
   */
  async areIntact(signal: AbortSignal): Promise<boolean> {
    if (!fs.existsSync(this.#list)) return false;
    let index = 0;
    try {
      for await (const batch of readEntryBatches(this.#list)) {
        await setImmediate();
        signal.throwIfAborted();
        for (const { header } of batch) {
          if (header.type === 'file' && !this.#isIntact(header, index)) return false;
          index++;
        }
      }
      return true;
    } catch {
      // Damaged, which verify says; who only wants to unpack has the blob.
      signal.throwIfAborted();
      return false;
    }
  }

  /**
   * The layer's entries as its archive has them, each file with its original in the store. To be
   * asked for once they are known to be intact. A chunk of data is there until the next one is asked for.
   */
  async *entries(): AsyncGenerator<TarEntry, void> {
    let index = 0;
    for await (const { header, pieces } of readEntryList(this.#list)) {
      const stored = { offset: 0, length: storedLength(header, pieces) };
      const file = header.type === 'file' ? this.#fileOf(header) : undefined;
      const isAlike = !this.#unlike.has(index++);
      yield {
        header,
        sparse: pieces && { size: header.size, pieces, mapSize: 0 },
        stored,
        data: file === undefined ? nothing() : read(file, pieces ?? [[0, header.size]]),
        ...(file !== undefined && { original: { path: file, isAlike } }),
      };
    }
  }

  #isIntact(header: TarHeader, index: number): boolean {
    const file = this.#fileOf(header);
    if (file === undefined) return false;
    const stats = fs.lstatSync(nativePath(file), { bigint: true });
    if (!stats.isFile() || Number(stats.size) !== header.size) return false;
    if (modifiedTime(stats) !== header.modified) return false;
    if (!this.#mayRead(stats)) fs.accessSync(nativePath(file), fs.constants.R_OK);
    if (!this.#isAlike(stats, header)) this.#unlike.add(index);
    return true;
  }

  /** Whether this user may, as the file's owner; others must ask. */
  #mayRead({ uid, mode }: fs.BigIntStats): boolean {
    return Number(uid) === this.#user && (Number(mode) & ownerMayRead) !== 0;
  }

  /** Whether owner and mode are as stated. Who isn't root can't give a file to anybody anyway. */
  #isAlike({ uid, gid, mode }: fs.BigIntStats, header: TarHeader): boolean {
    const isOwned = Number(uid) === header.uid && Number(gid) === header.gid;
    return (isOwned || this.#user !== 0) && (Number(mode) & 0o7777) === header.mode;
  }

  #fileOf({ name }: TarHeader): string | undefined {
    return this.#confined.resolve(name)?.path;
  }
}

/** Where a layer's folder lists the entries of its archive, if they all have files of their own. */
export function entryListIn(folder: string): string {
  return path.join(folder, 'entries.jsonl.gz');
}

/**
 * The folders of an unpacked layer that have an entry, and so a time, of their own: below `diff`, as
 * byte paths. None when it isn't known, since one entry of the archive replaced another.
 *
 * @param folder absolute; has just been written.
 */
export async function foldersWithEntry(folder: string): Promise<Set<string>> {
  const found = new Set<string>();
  const list = entryListIn(folder);
  if (!fs.existsSync(list)) return found;
  const confined = new ConfinedRoot(path.join(folder, 'diff'));
  for await (const { header } of readEntryList(list)) {
    if (header.type !== 'directory') continue;
    const place = confined.resolve(header.name);
    found.add(place === undefined ? '' : place.path.slice(confined.root.length));
  }
  return found;
}

function storedLength({ size }: TarHeader, pieces: ListedEntry['pieces']): number {
  return pieces === undefined ? size : pieces.reduce((sum, [, length]) => sum + length, 0);
}

async function* nothing(): AsyncGenerator<Buffer, void> {
  // Links and folders have no bytes.
}

async function* read(
  file: string,
  pieces: readonly (readonly [offset: number, length: number])[],
): AsyncGenerator<Buffer, void> {
  const descriptor = fs.openSync(nativePath(file), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  try {
    const longest = pieces.reduce((most, [, length]) => Math.max(most, length), 0);
    // One for all: memory that is new each time costs as much as the bytes in it.
    const buffer = Buffer.allocUnsafe(Math.min(readSize, longest));
    for (const [offset, length] of pieces) {
      // Small files are read at once, as they are written; see EntryWriter.
      const readAt = length > smallSize ? readLater : fs.readSync;
      for (let done = 0; done < length;) {
        const size = Math.min(buffer.length, length - done);
        const count = await readAt(descriptor, buffer, 0, size, offset + done);
        if (count === 0) throw changedWhileRead(shownPath(file));
        done += count;
        yield buffer.subarray(0, count);
      }
    }
  } finally {
    fs.closeSync(descriptor);
  }
}

async function readLater(
  descriptor: number,
  buffer: Buffer,
  offset: number,
  length: number,
  position: number,
): Promise<number> {
  const { bytesRead } = await promisify(fs.read)(descriptor, buffer, offset, length, position);
  return bytesRead;
}
