import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { hasCode } from './system-errors.js';

/** Bytes that a file or a whole folder takes on the disk; 0 when there is none. */
export async function treeSize(root: string): Promise<number> {
  const counted = new Set<number>();
  let bytes = 0;
  for await (const { stats } of walk(root)) {
    // Names of one file share what it takes.
    if (stats.nlink > 1 && !stats.isDirectory()) {
      if (counted.has(stats.ino)) continue;
      counted.add(stats.ino);
    }
    bytes += stats.blocks * 512;
  }
  return bytes;
}

/**
 * Removes a file or a whole folder, also one with folders within that its user may not write to,
 * as layers have them.
 */
export async function removeTree(root: string): Promise<void> {
  try {
    await fs.rm(root, { recursive: true, force: true });
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EPERM')) throw error;
    for await (const { file, stats } of walk(root, (folder) => fs.chmod(folder, 0o700))) {
      if (stats.isDirectory()) await fs.chmod(file, 0o700);
    }
    await fs.rm(root, { recursive: true, force: true });
  }
}

/**
 * The first difference between two trees, as `PATH: WHAT`, or `undefined` when they are alike:
 * kinds, modes, sizes, bytes, link targets, devices, times of what isn't a folder, and owners.
 */
export async function compareTrees(
  expected: string,
  actual: string,
  options: { readonly owners: 'compare' | 'ignore'; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const names = new Set<string>();
  for await (const { file, stats } of walk(expected)) {
    options.signal.throwIfAborted();
    const name = path.relative(expected, file);
    names.add(name);
    const other = path.join(actual, name);
    const there = await lstat(other);
    if (there === undefined) return `${name}: it is missing`;
    const facts = describe(stats, options.owners);
    const different = Object.entries(describe(there, options.owners)).find(
      ([what, value]) => facts[what] !== value,
    );
    if (different !== undefined) return `${name}: it has another ${different[0]}`;
    if (stats.isSymbolicLink() && (await fs.readlink(file)) !== (await fs.readlink(other))) {
      return `${name}: it links elsewhere`;
    }
    if (stats.isFile() && !(await sameBytes(file, other))) return `${name}: it has other bytes`;
  }
  for await (const { file } of walk(actual)) {
    const name = path.relative(actual, file);
    if (!names.has(name)) return `${name}: it should not be there`;
  }
  return undefined;
}

async function* walk(
  root: string,
  enter: (folder: string) => Promise<void> = () => Promise.resolve(),
): AsyncGenerator<{ file: string; stats: Stats }> {
  const stats = await lstat(root);
  if (stats === undefined) return;
  yield { file: root, stats };
  if (!stats.isDirectory()) return;
  await enter(root);
  for (const name of await namesIn(root)) yield* walk(path.join(root, name), enter);
}

/** The names in a folder; none when there is no folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await fs.readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

async function lstat(file: string): Promise<Stats | undefined> {
  try {
    return await fs.lstat(file);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function describe(stats: Stats, owners: 'compare' | 'ignore'): Record<string, number> {
  const { mode, size, nlink, rdev, uid, gid, mtimeMs } = stats;
  return {
    kind: mode & 0o170000,
    mode: mode & 0o7777,
    ...(owners === 'compare' && { owner: uid, group: gid }),
    // A folder's size and time are its file system's, and those of one without an entry anyone's.
    ...(!stats.isDirectory() && { size, 'number of links': nlink, device: rdev, time: mtimeMs }),
  };
}

async function sameBytes(one: string, other: string): Promise<boolean> {
  const files = [await fs.open(one, 'r')];
  try {
    files.push(await fs.open(other, 'r'));
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
