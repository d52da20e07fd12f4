import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileSharing } from '../../src/layer/file-sharing.js';
import type { TarHeader } from '../../src/layer/tar-header.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const kib = 1024;

afterAll(removeTemporaryFolders);

/** Copies a file of that size, of which the layer says that it has another one. */
async function copy(size: number, stated = size, sparse?: 'sparse') {
  const folder = temporaryFolder();
  const original = { path: join(folder, 'original'), isAlike: true };
  const file = join(folder, 'copy');
  writeFileSync(original.path, Buffer.alloc(size, 'x'));
  const header = { size: stated } as TarHeader;
  const holes = sparse && { size, pieces: [[0, 1]] as const, mapSize: 0 };
  const sharing = new FileSharing('reflink');
  const isCopied = await sharing.copy(original, file, { header, sparse: holes });
  return { isCopied, sharing, file, original: original.path };
}

describe('a file that is copied', () => {
  it('is made in one go where it is large', async () => {
    const { isCopied, sharing, file, original } = await copy(256 * kib);
    expect(isCopied).toBe(true);
    expect(readFileSync(file).equals(readFileSync(original))).toBe(true);
    expect(sharing.files).toEqual({ linked: 0, cloned: 0, copied: 1 });
  });

  it.each([
    ['small', 255 * kib, 255 * kib, undefined],
    ['so large that nobody could end it for long', 1, 256 * kib * kib + 1, undefined],
    ['one with holes', 256 * kib, 256 * kib, 'sparse'],
  ] as const)('is left to be written where it is %s', async (_, size, stated, sparse) => {
    const { isCopied, sharing, file } = await copy(size, stated, sparse);
    expect(isCopied).toBe(false);
    expect(existsSync(file)).toBe(false);
    expect(sharing.files.copied).toBe(1);
  });

  it('fails where the original has another size by now', async () => {
    await expect(copy(300 * kib, 400 * kib)).rejects.toMatchObject({ code: 'ERR_STORE_DAMAGED' });
  });
});
