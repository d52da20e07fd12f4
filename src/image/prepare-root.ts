import * as fs from 'node:fs/promises';
import { makeFolder, storeError } from '../layer/index.js';
import { FolderError } from './errors.js';

/**
 * Makes the folder that an image is unpacked into, which must be empty where it is there.
 *
 * @throws FolderError, StoreError
 */
export async function prepareRoot(root: string): Promise<void> {
  try {
    await makeFolder(root);
    if ((await fs.readdir(root)).length === 0) return;
  } catch (error) {
    throw storeError(error, root);
  }
  throw new FolderError(root, 'is not empty', {
    hint: 'Choose an empty or new folder to unpack into.',
  });
}
