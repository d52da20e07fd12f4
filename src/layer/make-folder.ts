import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { hasCode } from './system-errors.js';

/**
 * Makes a folder and those above it that aren't there. `mkdir`'s own `recursive` never ends where
 * a file system has its folder and still says that there is none, as `/proc` does.
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await fs.mkdir(folder);
  } catch (error) {
    if (hasCode(error, 'EEXIST') && (await fs.stat(folder)).isDirectory()) return;
    const parent = path.dirname(folder);
    if (!hasCode(error, 'ENOENT') || parent === folder || (await isThere(parent))) throw error;
    await makeFolder(parent);
    await makeFolder(folder);
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
