import * as fs from 'node:fs/promises';
import { hasCode } from './system-errors.js';

/** Bytes of a file, or `undefined` when there is none. */
export async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await fs.stat(file)).size;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
