import { stat } from 'node:fs/promises';

/** Whether a folder is there that somebody has stated, who means it to count. */
export async function isStatedFolder(folder: string): Promise<boolean> {
  try {
    return (await stat(folder)).isDirectory();
  } catch {
    return false;
  }
}
