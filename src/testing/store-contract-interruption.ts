import { strict as assert } from 'node:assert';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import {
  append,
  caseOfLayer,
  chunksOf,
  completesAs,
  failsWith,
  hangingAfter,
  ingesting,
  stage,
  unaborted,
  type StoreCase,
} from './store-contract-support.js';

/** What becomes of a blob whose ingest is broken off, cancelled, or held by another. */
export const interruptionCases: readonly StoreCase[] = [
  caseOfLayer(
    'keeps what came before a body failed, and goes on from there',
    async ({ layers, blob, bytes, diffID }) => {
      await ingesting(layers, blob, async (ingest) => {
        const broken = brokenAfter(bytes.subarray(0, 20_000));
        await assert.rejects(ingest.append(broken, { signal: unaborted() }), /connection broke/);
        assert(ingest.offset <= 20_000);
        await append(ingest, bytes.subarray(ingest.offset));
        await completesAs(diffID, ingest);
      });
    },
  ),
  caseOfLayer(
    'looks at the bytes also of a body that fails after the last of them',
    async ({ layers, blobs, blob, bytes, diffID }) => {
      await ingesting(layers, blob, async (ingest) => {
        const wrong = brokenAfter(Buffer.alloc(blob.size));
        await failsWith('ERR_DIGEST_MISMATCH', ingest.append(wrong, { signal: unaborted() }));
        assert.equal(ingest.offset, 0);
        await failsWith('ERR_SIZE_MISMATCH', ingest.complete(unaborted()));
        assert.equal(await blobs.size(blob.digest), undefined);
        const right = brokenAfter(bytes);
        await assert.rejects(ingest.append(right, { signal: unaborted() }), /connection broke/);
        assert.equal(ingest.offset, blob.size);
        await completesAs(diffID, ingest);
      });
    },
  ),
  caseOfLayer(
    'has two ingests of one blob wait for each other, and the second find it whole',
    async ({ layers, blob, bytes }) => {
      const first = await layers.ingest(blob, unaborted());
      let opened = false;
      const second = layers.ingest(blob, unaborted()).then((ingest) => {
        opened = true;
        return ingest;
      });
      await append(first, bytes);
      assert.equal(opened, false);
      const staged = await first.complete(unaborted());
      await first.close();
      const other = await second;
      assert.equal(other.offset, blob.size);
      const again = await other.complete(unaborted());
      await other.close();
      assert.equal(again.diffID, staged.diffID);
      await Promise.all([staged.discard(), again.discard()]);
    },
  ),
  caseOfLayer(
    'hands what an unfinished ingest has got to the one that waits',
    async ({ layers, blob, bytes }) => {
      const first = await layers.ingest(blob, unaborted());
      const second = layers.ingest(blob, unaborted());
      await append(first, bytes.subarray(0, 20_000));
      await first.close();
      const other = await second;
      assert.equal(other.offset, 20_000);
      await other.close();
    },
  ),
  caseOfLayer(
    'does not open an ingest whose signal is aborted, before or while it waits',
    async ({ layers, ...sample }) => {
      const { blob, bytes } = sample;
      await assert.rejects(layers.ingest(blob, AbortSignal.abort()), { name: 'AbortError' });
      await ingesting(layers, blob, async (ingest) => {
        const waiting = new AbortController();
        const second = layers.ingest(blob, waiting.signal);
        second.catch(() => undefined);
        waiting.abort();
        await append(ingest, bytes);
        await (await ingest.complete(unaborted())).discard();
        await assert.rejects(second, { name: 'AbortError' });
      });
      await (await stage(layers, sample)).discard();
    },
  ),
  caseOfLayer(
    'stops an append whose signal is aborted, destroys its body and keeps the bytes',
    async ({ layers, blob, bytes, diffID }) => {
      await ingesting(layers, blob, async (ingest) => {
        const controller = new AbortController();
        const body = hangingAfter(bytes.subarray(0, 20_000));
        const onProgress = (): void => controller.abort();
        const appended = ingest.append(body, { signal: controller.signal, onProgress });
        await assert.rejects(appended, { name: 'AbortError' });
        assert.equal(body.destroyed, true);
        assert.equal(ingest.offset, 20_000);
        await append(ingest, bytes.subarray(20_000));
        await completesAs(diffID, ingest);
      });
    },
  ),
  caseOfLayer(
    'does not complete when its signal is aborted, and can be completed later',
    async ({ layers, ...sample }) => {
      await ingesting(layers, sample.blob, async (ingest) => {
        await append(ingest, sample.bytes);
        await assert.rejects(ingest.complete(AbortSignal.abort()), { name: 'AbortError' });
      });
      await ingesting(layers, sample.blob, async (ingest) => {
        assert.equal(ingest.offset, sample.blob.size);
        await completesAs(sample.diffID, ingest);
      });
    },
  ),
  caseOfLayer(
    'ends an append that is under way when the ingest is closed, and keeps the bytes',
    async ({ layers, blob, bytes }) => {
      const ingest = await layers.ingest(blob, unaborted());
      const body = hangingAfter(bytes.subarray(0, 20_000));
      let closing: Promise<void> | undefined;
      const onProgress = (): void => void (closing = ingest.close());
      const appended = ingest.append(body, { signal: unaborted(), onProgress });
      await assert.rejects(appended, { name: 'AbortError' });
      await closing;
      assert.equal(body.destroyed, true);
      await ingesting(layers, blob, (next) => {
        assert.equal(next.offset, 20_000);
        return Promise.resolve();
      });
    },
  ),
];

/** A body whose bytes all come, and which fails then. */
function brokenAfter(bytes: Buffer): Readable {
  return Readable.from(
    (async function* () {
      yield* chunksOf(bytes);
      // Until they are read, so that the failure comes after the last.
      await setImmediate();
      throw new Error('the connection broke');
    })(),
  );
}
