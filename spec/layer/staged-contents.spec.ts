import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { InvalidLayerError, openDiskStore } from '../../src/layer/index.js';
import type { Staging } from '../../src/layer/ingest-backend.js';
import { StagedContents } from '../../src/layer/staged-contents.js';
import { UnpackTurns } from '../../src/layer/unpack-turns.js';
import { digestHex, digestOf, mediaTypes, type Descriptor } from '../../src/oci/index.js';
import { sampleImage } from '../../src/testing/index.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const { signal } = new AbortController();
const mebi = 1024 * 1024;

afterEach(() => jest.restoreAllMocks());
afterAll(removeTemporaryFolders);

const blobOf = (bytes: Buffer): Descriptor => ({
  mediaType: mediaTypes.ociLayerGzip,
  digest: digestOf(bytes),
  size: bytes.length,
});

/** Contents that are read to their end, and how they are discarded. */
function contentsOf(blob: Descriptor, kept: Buffer, discard = () => Promise.resolve()) {
  const turns = new UnpackTurns();
  const take = jest.spyOn(turns, 'take');
  const staging: Staging<unknown> = {
    consume: (tar) =>
      tar.toArray().catch((error: unknown) => {
        throw new InvalidLayerError(undefined, 'damaged', error);
      }),
    discard,
    finish: () => Promise.resolve(undefined),
  };
  const backend = {
    stage: () => Promise.resolve(staging),
    flush: () => Promise.resolve(),
    kept: (end: number) => Readable.from([kept.subarray(0, end)]),
  };
  return { contents: new StagedContents(blob, backend, turns), turns, take };
}

const free = (turns: UnpackTurns): number => {
  const ends = [1, 2, 3, 4].map(() => turns.take());
  ends.forEach((end) => end?.());
  return ends.filter((end) => end !== undefined).length;
};

describe('the contents of a layer', () => {
  it('give their turn back when what was staged can not be removed', async () => {
    const bytes = gzipSync(Buffer.alloc(1000));
    const { contents, turns } = contentsOf(blobOf(bytes), bytes, () =>
      Promise.reject(new Error('read-only')),
    );
    await contents.write(bytes, 0, signal);
    expect(free(turns)).toBe(3);
    await expect(contents.drop()).rejects.toThrow('read-only');
    expect(free(turns)).toBe(4);
  });

  it('give their turn back once they turn out not to be a layer', async () => {
    const bytes = Buffer.concat([gzipSync(Buffer.alloc(1000)).subarray(0, 20), Buffer.alloc(mebi)]);
    const { contents, turns } = contentsOf(blobOf(bytes), bytes);
    for (let begin = 0; begin < bytes.length; begin += 1000) {
      await contents.write(bytes.subarray(begin, begin + 1000), begin, signal);
      await new Promise(setImmediate);
    }
    expect(free(turns)).toBe(4);
    await expect(contents.finish(signal)).rejects.toMatchObject({ code: 'ERR_INVALID_LAYER' });
    await contents.drop();
  });

  it('are read again within their first bytes, or when all are there', async () => {
    const bytes = Buffer.alloc(10 * mebi);
    const { contents, turns, take } = contentsOf(
      { ...blobOf(bytes), mediaType: mediaTypes.ociLayer },
      bytes,
    );
    take.mockReturnValue(undefined);
    await contents.write(bytes.subarray(0, 9 * mebi), 0, signal);
    take.mockRestore();
    await contents.write(bytes.subarray(9 * mebi), 9 * mebi, signal);
    expect(free(turns)).toBe(4);
    const { layer } = await contents.finish(signal);
    expect(layer).toEqual({ diffID: digestOf(bytes), size: bytes.length });
    await contents.drop();
  });

  it('are missed where somebody has cut off what was kept', async () => {
    const store = await openDiskStore(temporaryFolder());
    const { layers, blobs } = await sampleImage({ layers: [[{ name: 'file', size: 300_000 }]] });
    jest.spyOn(UnpackTurns.prototype, 'take').mockReturnValue(undefined);
    const ingest = await store.layers.ingest(layers[0]!, signal);
    const { digest } = layers[0]!;
    await ingest.append(Readable.from([blobs.get(digest)!]), { signal });
    truncateSync(join(store.directory, 'ingest', `sha256-${digestHex(digest)}`), 1000);
    await expect(ingest.complete(signal)).rejects.toMatchObject({ code: 'ERR_STORE_DAMAGED' });
    await ingest.close();
  });
});
