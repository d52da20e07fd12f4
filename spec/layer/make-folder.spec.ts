import { mkdirSync, promises, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../src/layer/make-folder.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

afterEach(() => jest.restoreAllMocks());
afterAll(removeTemporaryFolders);

describe('a folder and those above it', () => {
  it('are made once where many make them at a time', async () => {
    const root = temporaryFolder();
    for (let round = 0; round < 50; round++) {
      const folder = join(root, String(round), 'layers', 'sha256');
      const made = await Promise.all(Array.from({ length: 8 }, () => makeFolder(folder)));
      expect(statSync(folder).isDirectory()).toBe(true);
      expect(made.flat().sort()).toEqual([root, join(folder, '../..'), join(folder, '..')].sort());
    }
  });

  it('are found where another makes the upper one between two looks at it', async () => {
    const folder = join(temporaryFolder(), 'layers', 'sha256');
    jest.spyOn(promises, 'mkdir').mockImplementationOnce(() => {
      mkdirSync(dirname(folder));
      const error = Object.assign(new Error('no such folder'), {
        code: 'ENOENT',
        syscall: 'mkdir',
      });
      return Promise.reject(error);
    });
    expect(await makeFolder(folder)).toEqual([dirname(folder)]);
    expect(statSync(folder).isDirectory()).toBe(true);
  });

  it('are refused where something else is in their way, or nothing can be made', async () => {
    await expect(makeFolder(join(__filename, 'folder'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(makeFolder(__filename)).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolder('/proc/none/folder')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
