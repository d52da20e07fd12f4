import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder, openDiskStore } from '../../src/layer/index.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

afterAll(removeTemporaryFolders);

describe('makeFolder', () => {
  it('makes those above it too, and is content with one that is there', async () => {
    const folder = join(temporaryFolder(), 'a', 'b', 'c');
    await makeFolder(folder);
    await makeFolder(folder);
    expect(statSync(folder).isDirectory()).toBe(true);
  });

  it('refuses a file in its place or above it', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    await expect(makeFolder(file)).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolder(join(file, 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  // Where Node's own `recursive` tries again for ever.
  (existsSync('/proc/self') ? it : it.skip)('ends where nothing can be made', async () => {
    await expect(makeFolder('/proc/none/below')).rejects.toMatchObject({ syscall: 'mkdir' });
    await expect(openDiskStore('/proc/none')).rejects.toMatchObject({ code: 'ERR_STORE_IO' });
  });
});
