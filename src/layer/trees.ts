import * as sync from 'node:fs';
import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { lstatPath, nativePath, toBytePath } from './byte-path.js';
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
export function removeTree(root: string): Promise<void> {
  return removeBelow(toBytePath(root));
}

/** Removes all that is in a folder, also where the folder's own mode keeps this user out. */
export async function emptyFolder(folder: string): Promise<void> {
  const { mode } = await fs.stat(folder);
  if ((mode & 0o700) !== 0o700) await fs.chmod(folder, mode | 0o700);
  const root = toBytePath(folder);
  for (const name of await byteNamesIn(root)) await removeBelow(`${root}/${name}`);
}

/** Removes a file or a whole folder as removeTree does, at once. @param root a byte path. */
export function removeTreeSync(root: string): void {
  const remove = (): void => sync.rmSync(nativePath(root), { recursive: true, force: true });
  try {
    remove();
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EPERM')) throw error;
    openFolders(root);
    remove();
  }
}

function openFolders(file: string): void {
  if (lstatPath(file)?.isDirectory() !== true) return;
  sync.chmodSync(nativePath(file), 0o700);
  for (const name of sync.readdirSync(nativePath(file), 'latin1')) openFolders(`${file}/${name}`);
}

/**
 * Everything in a tree, but for what its modes keep this user from, folders before what is in them,
 * as byte paths that begin with the root's.
 *
 * @param enter is called for each folder before it is read.
 */
export async function* walk(
  root: string,
  enter: (folder: string) => Promise<void> = () => Promise.resolve(),
): AsyncGenerator<{ file: string; stats: Stats }> {
  yield* walkBelow(toBytePath(root), enter);
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

/** What is at a byte path itself, links not followed; `undefined` for what can't be looked at. */
export async function lstat(file: string): Promise<Stats | undefined> {
  try {
    return await fs.lstat(nativePath(file));
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES')) return undefined;
    throw error;
  }
}

async function removeBelow(file: string): Promise<void> {
  const remove = (): Promise<void> => fs.rm(nativePath(file), { recursive: true, force: true });
  try {
    await remove();
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EPERM')) throw error;
    const open = (folder: string): Promise<void> => fs.chmod(nativePath(folder), 0o700);
    const opened = walkBelow(file, open);
    while ((await opened.next()).done !== true);
    await remove();
  }
}

async function* walkBelow(
  file: string,
  enter: (folder: string) => Promise<void>,
): AsyncGenerator<{ file: string; stats: Stats }> {
  const stats = await lstat(file);
  if (stats === undefined) return;
  yield { file, stats };
  if (!stats.isDirectory()) return;
  await enter(file);
  for (const name of await byteNamesIn(file)) yield* walkBelow(`${file}/${name}`, enter);
}

async function byteNamesIn(folder: string): Promise<string[]> {
  try {
    return await fs.readdir(nativePath(folder), 'latin1');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES')) return [];
    throw error;
  }
}
