import { strict as assert } from 'node:assert';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { digestOf, mediaTypes } from '../oci/index.js';
import {
  append,
  caseOfLayer,
  chunksOf,
  completesAs,
  failsWith,
  ingesting,
  sampleBlob,
  stage,
  unaborted,
  type StoreCase,
} from './store-contract-support.js';

/** The way of one blob into a store. */
export const ingestCases: readonly StoreCase[] = [
  ...(['gzip', 'none'] as const).map((compression): StoreCase => ({
    title: `stages a whole blob, compression ${compression}`,
    run: async (open) => {
      const { layers, blobs } = await open();
      const sample = await sampleBlob('whole', { compression });
      const { blob, bytes, diffID } = sample;
      const staged = await ingesting(layers, blob, async (ingest) => {
        assert.equal(ingest.offset, 0);
        await append(ingest, bytes);
        assert.equal(ingest.offset, blob.size);
        return ingest.complete(unaborted());
      });
      assert.equal(staged.diffID, diffID);
      assert.deepEqual(staged.blob, blob);
      // A header of 512 bytes, the file in blocks, and two empty blocks at least.
      assert(staged.size > 50_000 + 512);
      assert.equal(await blobs.size(blob.digest), blob.size);
      await staged.discard();
      await staged.discard();
      assert.equal(await blobs.size(blob.digest), blob.size);
    },
  })),
  caseOfLayer(
    'takes a blob in pieces, and tells how far it is',
    async ({ layers, blob, bytes, diffID }) => {
      await ingesting(layers, blob, async (ingest) => {
        const offsets: number[] = [];
        const onProgress = (offset: number): void => void offsets.push(offset);
        for (const [begin, end] of [
          [0, 20_000],
          [20_000, bytes.length],
        ] as const) {
          const body = Readable.from(chunksOf(bytes.subarray(begin, end)));
          await ingest.append(body, { signal: unaborted(), onProgress });
          assert.equal(ingest.offset, end);
        }
        assert.deepEqual(
          offsets,
          [...new Set(offsets)].sort((a, b) => a - b),
        );
        assert.equal(offsets.at(-1), blob.size);
        await completesAs(diffID, ingest);
      });
    },
  ),
  caseOfLayer(
    'goes on where the last ingest of a blob stopped',
    async ({ layers, blobs, blob, bytes, diffID }) => {
      await ingesting(layers, blob, (ingest) => append(ingest, bytes.subarray(0, 30_000)));
      assert.equal(await blobs.size(blob.digest), undefined);
      await ingesting(layers, blob, async (ingest) => {
        assert.equal(ingest.offset, 30_000);
        await append(ingest, bytes.subarray(30_000));
        await completesAs(diffID, ingest);
      });
    },
  ),
  caseOfLayer('wants nothing of a blob that is there whole', async ({ layers, ...sample }) => {
    await (await stage(layers, sample)).discard();
    await ingesting(layers, sample.blob, async (ingest) => {
      assert.equal(ingest.offset, sample.blob.size);
      await completesAs(sample.diffID, ingest);
    });
  }),
  caseOfLayer('forgets what it has on restart', async ({ layers, blob, bytes, diffID }) => {
    await ingesting(layers, blob, async (ingest) => {
      await append(ingest, bytes.subarray(0, 30_000));
      await ingest.restart();
      assert.equal(ingest.offset, 0);
      await append(ingest, bytes);
      await completesAs(diffID, ingest);
    });
  }),
  caseOfLayer(
    'refuses bytes of another digest, stands at 0 then, and takes the right ones',
    async ({ layers, blobs, blob, bytes, diffID }) => {
      // At the end, where the digest alone can tell; and early, where unpacking fails before.
      for (const place of [bytes.length - 6, 12_000]) {
        const wrong = Buffer.from(bytes);
        wrong.fill(0xff, place, place + 4);
        await ingesting(layers, blob, async (ingest) => {
          await failsWith('ERR_DIGEST_MISMATCH', append(ingest, wrong));
          assert.equal(ingest.offset, 0);
        });
        assert.equal(await blobs.size(blob.digest), undefined);
      }
      await ingesting(layers, blob, async (ingest) => {
        await append(ingest, bytes);
        await completesAs(diffID, ingest);
      });
    },
  ),
  caseOfLayer(
    'refuses more bytes than the descriptor states, and stands at 0 then',
    async ({ layers, blob, bytes }) => {
      await ingesting(layers, blob, async (ingest) => {
        const long = Buffer.concat([bytes, Buffer.from('more')]);
        await failsWith('ERR_SIZE_MISMATCH', append(ingest, long));
        assert.equal(ingest.offset, 0);
      });
    },
  ),
  caseOfLayer(
    'keeps a whole blob of which a descriptor states another size',
    async ({ layers, blobs, ...sample }) => {
      const { blob, bytes, diffID } = sample;
      await (await stage(layers, sample)).discard();
      for (const store of [layers, blobs]) {
        for (const size of [1, blob.size - 1, blob.size + 1]) {
          await ingesting<unknown, unknown>(store, { ...blob, size }, async (ingest) => {
            assert.equal(await blobs.size(blob.digest), blob.size);
            await ingest.restart();
            assert.equal(await blobs.size(blob.digest), blob.size);
            const wrong = Buffer.alloc(size + 1);
            await failsWith('ERR_SIZE_MISMATCH', append(ingest, wrong));
            await failsWith('ERR_DIGEST_MISMATCH', append(ingest, wrong.subarray(1)));
            await failsWith('ERR_SIZE_MISMATCH', ingest.complete(unaborted()));
            await append(ingest, bytes.subarray(0, size - 1));
          });
          assert.equal(await blobs.size(blob.digest), blob.size);
        }
      }
      await ingesting(layers, blob, async (ingest) => {
        assert.equal(ingest.offset, blob.size);
        await completesAs(diffID, ingest);
      });
    },
  ),
  caseOfLayer(
    'keeps a whole blob on restart, until its bytes have come again',
    async ({ layers, blobs, ...sample }) => {
      const { blob, bytes, diffID } = sample;
      await (await stage(layers, sample)).discard();
      await ingesting(layers, blob, async (ingest) => {
        await ingest.restart();
        assert.equal(ingest.offset, 0);
        await append(ingest, bytes.subarray(0, 30_000));
      });
      assert.equal(await blobs.size(blob.digest), blob.size);
      await ingesting(layers, blob, async (ingest) => {
        assert.equal(ingest.offset, blob.size);
        await ingest.restart();
        await append(ingest, bytes);
        await completesAs(diffID, ingest);
      });
      assert.equal(await blobs.size(blob.digest), blob.size);
    },
  ),
  caseOfLayer('does not complete before all is there', async ({ layers, blob, bytes }) => {
    await ingesting(layers, blob, async (ingest) => {
      await append(ingest, bytes.subarray(0, 30_000));
      await failsWith('ERR_SIZE_MISMATCH', ingest.complete(unaborted()));
    });
  }),
  {
    title: 'refuses an archive that its publisher has damaged',
    run: async (open) => {
      const { layers } = await open();
      const bytes = gzipSync(Buffer.alloc(2000, 'no archive'));
      const blob = {
        mediaType: mediaTypes.ociLayerGzip,
        digest: digestOf(bytes),
        size: bytes.length,
      };
      await ingesting(layers, blob, async (ingest) => {
        await append(ingest, bytes);
        await failsWith('ERR_INVALID_LAYER', ingest.complete(unaborted()));
      });
    },
  },
];
