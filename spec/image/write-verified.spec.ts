import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { writeVerified } from '../../src/image/write-verified.js';
import { digestOf, mediaTypes, type Descriptor } from '../../src/index.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const bytes = randomBytes(3_000_000);
const blob: Descriptor = {
  mediaType: mediaTypes.ociLayer,
  digest: digestOf(bytes),
  size: bytes.length,
};
const received: boolean[] = [];
let file: string;

beforeEach(() => {
  received.length = 0;
  file = join(temporaryFolder(), 'blob');
});
afterAll(removeTemporaryFolders);

/** Writes what comes, and notes whether the file was whole when it was told to have come. */
function write(chunks: readonly Buffer[]): Promise<void> {
  return writeVerified(Readable.from(chunks), {
    blob,
    file,
    signal: new AbortController().signal,
    onReceived: () => received.push(readFileSync(file).equals(bytes)),
  });
}

it('tells once that a blob came, with all of it written', async () => {
  await write([bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)]);
  expect(received).toEqual([true]);
  expect(readFileSync(file).equals(bytes)).toBe(true);
});

it('lets go of each chunk once, when it is written', async () => {
  const chunks: Buffer[] = Array.from({ length: 30 }, (_, index) =>
    bytes.subarray(index * 100_000, (index + 1) * 100_000),
  );
  const released: Buffer[] = [];
  await writeVerified(Readable.from(chunks), {
    blob,
    file,
    signal: new AbortController().signal,
    release: (chunk) => {
      const begin = chunks.indexOf(chunk) * 100_000;
      expect(
        readFileSync(file)
          .subarray(begin, begin + 100_000)
          .equals(chunk),
      ).toBe(true);
      released.push(chunk);
    },
  });
  expect(new Set(released)).toEqual(new Set(chunks));
  expect(released).toHaveLength(chunks.length);
});

it('does not tell so of wrong bytes, nor of too few or many', async () => {
  for (const chunks of [[randomBytes(bytes.length)], [bytes.subarray(1)], [bytes, bytes]]) {
    file = join(temporaryFolder(), 'blob');
    await expect(write(chunks)).rejects.toMatchObject({
      code: expect.stringMatching(/MISMATCH/) as string,
    });
    expect(existsSync(file)).toBe(true);
  }
  expect(received).toEqual([]);
});
