import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { nativePath, shownPath, toBytePath } from './byte-path.js';
import { differentAttributes } from './different-attributes.js';
import { hasCode } from './system-errors.js';
import { lstat, walk } from './trees.js';

/** What is compared of two trees. */
export interface CompareOptions {
  /** Whether owners and extended attributes are. */
  readonly owners: 'compare' | 'ignore';
  /** The folders whose times are, as byte paths: empty for the root, `/NAME` for those in it. */
  readonly timedFolders: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/**
 * The first difference between two trees, as `/PATH: WHAT`, or `undefined` when they are alike:
 * kinds, modes, sizes, bytes, link targets, devices, times, which names are of one file, and,
 * where they are to be compared, owners and extended attributes.
 *
 * A file may have further names outside of its tree.
 */
export async function compareTrees(
  expected: string,
  actual: string,
  options: CompareOptions,
): Promise<string | undefined> {
  const [ours, theirs] = [toBytePath(expected), toBytePath(actual)];
  const names = new Set<string>();
  const [ones, others] = [new FirstNames(), new FirstNames()];
  for await (const { file, stats } of walk(expected)) {
    options.signal.throwIfAborted();
    const name = file.slice(ours.length);
    names.add(name);
    const other = `${theirs}${name}`;
    const there = await lstat(other);
    if (there === undefined) return `${shownPath(name)}: it is missing`;
    const facts = describe(name, stats, options);
    const different = Object.entries(describe(name, there, options)).find(
      ([what, value]) => facts[what] !== value,
    );
    if (different !== undefined) return `${shownPath(name)}: it has another ${different[0]}`;
    if (ones.of(stats, name) !== others.of(there, name))
      return `${shownPath(name)}: it has other names`;
    if (stats.isSymbolicLink() && (await readLink(file)) !== (await readLink(other))) {
      return `${shownPath(name)}: it links elsewhere`;
    }
    if (stats.isFile() && !(await sameBytes(file, other)))
      return `${shownPath(name)}: it has other bytes`;
  }
  for await (const { file } of walk(actual)) {
    const name = file.slice(theirs.length);
    if (!names.has(name)) return `${shownPath(name)}: it should not be there`;
  }
  if (options.owners === 'ignore') return undefined;
  const name = await differentAttributes(expected, actual, options.signal);
  return name && `/${name}: it has other extended attributes`;
}

/** By which of its names each file was seen first: names of one file have it in common. */
class FirstNames {
  readonly #names = new Map<number, string>();

  of(stats: Stats, name: string): string {
    if (stats.nlink === 1 || stats.isDirectory()) return name;
    const first = this.#names.get(stats.ino) ?? name;
    this.#names.set(stats.ino, first);
    return first;
  }
}

function describe(
  name: string,
  stats: Stats,
  { owners, timedFolders }: CompareOptions,
): Record<string, number> {
  const { mode, size, rdev, uid, gid, mtimeMs } = stats;
  return {
    kind: mode & 0o170000,
    mode: mode & 0o7777,
    ...(owners === 'compare' && { owner: uid, group: gid }),
    // A folder's size is its file system's.
    ...(!stats.isDirectory() && { size, device: rdev }),
    ...((!stats.isDirectory() || timedFolders.has(name)) && { time: mtimeMs }),
  };
}

function readLink(file: string): Promise<string> {
  return fs.readlink(nativePath(file), 'latin1');
}

/** Also of what this user may not read, where its mode says so. */
async function sameBytes(one: string, other: string): Promise<boolean> {
  const first = await openReadable(one);
  if (first === undefined) return true;
  const files = [first];
  try {
    files.push(await fs.open(nativePath(other), 'r'));
    const buffers = files.map(() => Buffer.allocUnsafe(256 * 1024));
    for (;;) {
      const chunks = await Promise.all(
        files.map(async (file, index) => {
          const { buffer, bytesRead } = await file.read({ buffer: buffers[index] as Buffer });
          return buffer.subarray(0, bytesRead);
        }),
      );
      const [a = Buffer.alloc(0), b = Buffer.alloc(0)] = chunks;
      if (!a.equals(b)) return false;
      if (a.length === 0) return true;
    }
  } finally {
    for (const file of files) await file.close();
  }
}

async function openReadable(file: string): Promise<fs.FileHandle | undefined> {
  try {
    return await fs.open(nativePath(file), 'r');
  } catch (error) {
    if (hasCode(error, 'EACCES')) return undefined;
    throw error;
  }
}
