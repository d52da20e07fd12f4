import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { hasCode } from './system-errors.js';

/**
 * Makes a folder and those above it that aren't there. `mkdir`'s own `recursive` never ends where
 * a file system has its folder and still says that there is none, as `/proc` does, and calls a full one
 * a missing folder.
 *
 * @returns the folders that new ones were made in: those to be synced if these are to last.
 */
export async function makeFolder(folder: string): Promise<string[]> {
  const parent = path.dirname(folder);
  try {
    return await makeIn(parent, folder);
  } catch (error) {
    if (!hasCode(error, 'ENOENT') || parent === folder) throw error;
    // Another may have made that one meanwhile.
    const above = (await isThere(parent)) ? [] : await makeFolder(parent);
    return [...above, ...(await makeIn(parent, folder))];
  }
}

async function makeIn(parent: string, folder: string): Promise<string[]> {
  try {
    await fs.mkdir(folder);
    return [parent];
  } catch (error) {
    if (hasCode(error, 'EEXIST') && (await fs.stat(folder)).isDirectory()) return [];
    throw error;
  }
}

async function isThere(folder: string): Promise<boolean> {
  try {
    await fs.stat(folder);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}
