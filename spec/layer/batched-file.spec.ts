import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchedFile } from '../../src/layer/index.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const kib = 1024;
const chunk = Buffer.alloc(64 * kib, 'x');

afterAll(removeTemporaryFolders);

/** How many bytes each call to the system takes while so many files are written. */
async function writes(files: number, chunks: number): Promise<number[]> {
  const folder = temporaryFolder();
  const sizes: number[] = [];
  const opened: { handle: FileHandle; file: BatchedFile }[] = [];
  for (let index = 0; index < files; index++) {
    const handle = await open(join(folder, `${index}`), 'wx');
    const writev = handle.writev.bind(handle);
    jest.spyOn(handle, 'writev').mockImplementation((buffers) => {
      sizes.push(buffers.reduce((sum, { byteLength }) => sum + byteLength, 0));
      return writev(buffers);
    });
    opened.push({ handle, file: new BatchedFile(handle) });
  }
  for (let count = 0; count < chunks; count++) {
    for (const { file } of opened) await file.write(chunk);
  }
  for (const [index, { handle, file }] of opened.entries()) {
    await file.flush();
    await file.discard();
    await file.discard();
    await handle.close();
    expect(await readFile(join(folder, `${index}`))).toHaveLength(chunks * chunk.length);
  }
  return sizes;
}

it.each([
  [1, 1024, 32],
  [8, 1024, 32],
  [16, 512, 16],
  [200, 128, 4],
])('%i files are written in batches of %i KiB', async (files, batch, chunks) => {
  const sizes = await writes(files, chunks);
  expect(Math.max(...sizes)).toBe(batch * kib);
});

it('what failed to be written is told, and counts no longer', async () => {
  const handle = await open(join(temporaryFolder(), 'closed'), 'wx');
  await handle.close();
  for (let count = 0; count < 100; count++) {
    const file = new BatchedFile(handle);
    void file.write(chunk);
    await expect(file.flush()).rejects.toMatchObject({ code: 'EBADF' });
    await file.discard();
  }
  expect(Math.max(...(await writes(1, 32)))).toBe(1024 * kib);
});
