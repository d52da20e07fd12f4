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
    await fs.mkdir(folder);
    return [parent];
  } catch (error) {
    if (hasCode(error, 'EEXIST') && (await fs.stat(folder)).isDirectory()) return [];
    if (!hasCode(error, 'ENOENT') || parent === folder || (await isThere(parent))) throw error;
    const above = await makeFolder(parent);
    return [...above, ...(await makeFolder(folder))];
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
