import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';

/** Makes what was renamed into or removed from a folder survive a loss of power. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a whole file: elsewhere first, synced, and moved to its place in one step.
 *
 * @param temporary where it is written first: a folder of the same file system, by default its own.
 */
export async function writeDurably(
  file: string,
  bytes: Uint8Array | string,
  temporary = path.dirname(file),
): Promise<void> {
  const beside = path.join(temporary, `${path.basename(file)}.${randomUUID()}.tmp`);
  try {
    const handle = await fs.open(beside, 'wx', 0o644);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(beside, file);
  } catch (error) {
    await fs.rm(beside, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(path.dirname(file));
}
