import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { constants, createGzip, gzipSync } from 'node:zlib';
import {
  createMemoryStore,
  digestOf,
  mediaTypes,
  openDiskStore,
  type Descriptor,
  type StagedLayer,
  type Store,
  type UnpackLimits,
} from '../../src/index.js';
import { unpackedSizeLimit } from '../../src/layer/limits.js';
import { rawTar } from '../support/raw-tar.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { rawZstd, skippableFrame, zstdZeros } from '../support/zstd-samples.js';

afterAll(removeTemporaryFolders);

async function ingest(
  store: Store,
  bytes: Buffer,
  mediaType: string = mediaTypes.ociLayerGzip,
): Promise<StagedLayer> {
  const blob: Descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  const { signal } = new AbortController();
  const layer = await store.layers.ingest(blob, signal);
  try {
    await layer.append(Readable.from([bytes]), { signal });
    return await layer.complete(signal);
  } finally {
    await layer.close();
  }
}

/** A tar of one file of so many zeros, compressed as it is made. */
async function zeros(size: number): Promise<Buffer> {
  const gzip = createGzip({ level: 9 });
  const chunks: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk));
  const whole = rawTar([{ name: 'zeros', size }], Buffer.alloc(0));
  gzip.write(whole);
  const block = Buffer.alloc(1024 * 1024);
  for (let left = size; left > 0; left -= block.length) {
    if (!gzip.write(block.subarray(0, Math.min(left, block.length)))) await once(gzip, 'drain');
  }
  gzip.end(Buffer.alloc(1024));
  await once(gzip, 'end');
  return Buffer.concat(chunks);
}

const stores: [string, (limits?: UnpackLimits) => Promise<Store>][] = [
  [
    'memory',
    (limits) => Promise.resolve(createMemoryStore(limits === undefined ? {} : { limits })),
  ],
  ['disk', (limits) => openDiskStore(temporaryFolder(), limits === undefined ? {} : { limits })],
];

describe.each(stores)('a store in %s', (_, open) => {
  it('refuses a gzip bomb by its total', async () => {
    const store = await open({ maxSize: 10_000_000 });
    const refusal = expect(ingest(store, await zeros(20_000_000))).rejects;
    await refusal.toMatchObject({ code: 'ERR_LAYER_LIMIT', digest: expect.any(String) as unknown });
    await ingest(store, await zeros(9_000_000));
  });

  it('refuses a zstd bomb by its total, of whatever ratio', async () => {
    const bomb = zstdZeros(200_000_000);
    expect(bomb.length).toBeLessThan(10_000);
    await expect(
      ingest(await open({ maxSize: 10_000_000 }), bomb, mediaTypes.ociLayerZstd),
    ).rejects.toMatchObject({ code: 'ERR_LAYER_LIMIT' });
  });

  it('refuses too many entries', async () => {
    const tar = rawTar([{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
    await expect(
      ingest(await open({ maxEntries: 2 }), tar, mediaTypes.ociLayer),
    ).rejects.toMatchObject({
      code: 'ERR_LAYER_LIMIT',
    });
  });

  it('takes gzip in several members', async () => {
    const tar = rawTar([{ name: 'a', data: 'a'.repeat(3000) }]);
    const parts = [tar.subarray(0, 1000), tar.subarray(1000, 1001), tar.subarray(1001)];
    const members = Buffer.concat(parts.map((part) => gzipSync(part)));
    const staged = await ingest(await open(), members);
    expect(staged.diffID).toBe(`sha256:${createHash('sha256').update(tar).digest('hex')}`);
  });

  it('ignores zeros behind the last member of a gzip, and refuses anything else there', async () => {
    const tar = rawTar([{ name: 'a', data: 'a'.repeat(3000) }]);
    const parts = [tar.subarray(0, 1000), tar.subarray(1000)].map((part) => gzipSync(part));
    const padded = await ingest(await open(), Buffer.concat([...parts, Buffer.alloc(700)]));
    expect([padded.diffID, padded.size]).toEqual([digestOf(tar), tar.length]);
    const broken = gzipSync(tar).subarray(0, -9);
    for (const garbage of [Buffer.from('x'), Buffer.alloc(5000, 'garbage'), broken]) {
      const bytes = Buffer.concat([...parts, garbage]);
      await expect(ingest(await open(), bytes)).rejects.toMatchObject({
        code: 'ERR_INVALID_LAYER',
        digest: digestOf(bytes),
      });
    }
  });

  it('takes zstd in several frames, and skips those that hold nothing of the tar', async () => {
    const tar = rawTar([{ name: 'a', size: 300_000 }], Buffer.alloc(300_000));
    const frames = Buffer.concat([
      skippableFrame(Buffer.from('first')),
      rawZstd(tar.subarray(0, 1000)),
      rawZstd(tar.subarray(1000)),
      skippableFrame(Buffer.alloc(70_000, 'a table of contents')),
    ]);
    const staged = await ingest(await open(), frames, mediaTypes.ociLayerZstd);
    expect([staged.diffID, staged.size]).toEqual([digestOf(tar), tar.length]);
  });

  it('refuses a truncated zstd, one that goes on with something else, and too large a window', async () => {
    const whole = rawZstd(rawTar([{ name: 'a', data: 'a'.repeat(3000) }]));
    const layers: [Buffer, string][] = [
      [whole.subarray(0, -1), 'unexpected end of file'],
      [Buffer.concat([whole, Buffer.from('garbage')]), 'Unknown frame descriptor'],
      [zstdZeros(1_000_000, 0x89), 'Frame requires too much memory for decoding'],
    ];
    for (const [bytes, problem] of layers) {
      await expect(ingest(await open(), bytes, mediaTypes.ociLayerZstd)).rejects.toMatchObject({
        code: 'ERR_INVALID_LAYER',
        digest: digestOf(bytes),
        problem,
      });
    }
  });

  it('refuses a truncated and a damaged gzip', async () => {
    const whole = gzipSync(rawTar([{ name: 'a', data: Buffer.alloc(50_000, 'a') }]), {
      strategy: constants.Z_HUFFMAN_ONLY,
    });
    const damaged = Buffer.from(whole);
    damaged[damaged.length - 5]! ^= 0xff;
    for (const bytes of [whole.subarray(0, -20), damaged]) {
      await expect(ingest(await open(), bytes)).rejects.toMatchObject({
        code: 'ERR_INVALID_LAYER',
        digest: digestOf(bytes),
      });
    }
  });
});

describe('the limit of a blob', () => {
  const gib = 1024 ** 3;
  it.each([
    [1000, {}, gib],
    [gib / 10, {}, 20 * gib],
    [gib / 10, { maxRatio: 50 }, 5 * gib],
    [10 * gib, {}, 256 * gib],
    [1000, { maxSize: 5000 }, 5000],
  ])('of %d bytes, %j', (size, limits, limit) => {
    expect(unpackedSizeLimit(size, limits)).toBe(limit);
  });
});
