import { strict as assert } from 'node:assert';
import { digestOf } from '../oci/index.js';
import {
  append,
  caseOfLayer,
  completesAs,
  failsWith,
  ingesting,
  sampleBlob,
  stage,
  unaborted,
  type StoreCase,
} from './store-contract-support.js';

const bytes = Buffer.alloc(100_000, 'not a tar ');
const blob = { mediaType: 'any/thing', digest: digestOf(bytes), size: bytes.length };

/** The way of blobs that are kept as they are. */
export const keepCases: readonly StoreCase[] = [
  {
    title: 'keeps a blob as it is, whatever it holds, and goes on where the last ingest stopped',
    run: async (open) => {
      const { blobs } = await open();
      await ingesting(blobs, blob, (ingest) => append(ingest, bytes.subarray(0, 40_000)));
      assert.equal(await blobs.size(blob.digest), undefined);
      await ingesting(blobs, blob, async (ingest) => {
        assert.equal(ingest.offset, 40_000);
        await append(ingest, bytes.subarray(40_000));
        const kept = await ingest.complete(unaborted());
        assert.deepEqual(kept.blob, blob);
        await kept.discard();
        await kept.discard();
      });
      assert(bytes.equals((await blobs.read(blob.digest)) ?? Buffer.alloc(0)));
    },
  },
  caseOfLayer(
    'does not want a kept blob again, nor a layer that it has, and unpacks one that was kept',
    async ({ blobs, layers, ...sample }) => {
      for (const begin of [0, sample.blob.size]) {
        await ingesting(blobs, sample.blob, async (ingest) => {
          assert.equal(ingest.offset, begin);
          if (begin === 0) await append(ingest, sample.bytes);
          await (await ingest.complete(unaborted())).discard();
        });
      }
      await ingesting(layers, sample.blob, async (ingest) => {
        assert.equal(ingest.offset, sample.blob.size);
        await completesAs(sample.diffID, ingest);
      });
      const other = await sampleBlob('another layer');
      await (await stage(layers, other)).discard();
      await ingesting(blobs, other.blob, (ingest) => {
        assert.equal(ingest.offset, other.blob.size);
        return Promise.resolve();
      });
    },
  ),
  {
    title: 'keeps no blob of another digest or size',
    run: async (open) => {
      const { blobs } = await open();
      await ingesting(blobs, blob, async (ingest) => {
        await failsWith('ERR_DIGEST_MISMATCH', append(ingest, Buffer.alloc(bytes.length)));
        assert.equal(ingest.offset, 0);
        const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
        await failsWith('ERR_SIZE_MISMATCH', append(ingest, longer));
        await append(ingest, bytes.subarray(1));
        await failsWith('ERR_SIZE_MISMATCH', ingest.complete(unaborted()));
        await ingest.restart();
        await append(ingest, bytes);
        await (await ingest.complete(unaborted())).discard();
      });
      assert.equal(await blobs.size(blob.digest), bytes.length);
    },
  },
];
