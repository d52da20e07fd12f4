import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import type { Layer } from '../layer/index.js';
import { chainIDOf, finishDigest } from '../oci/index.js';
import {
  caseOfLayer,
  failsWith,
  ingesting,
  sampleBlob,
  stage,
  type StoreCase,
} from './store-contract-support.js';

/** Registered layers. */
export const layerCases: readonly StoreCase[] = [
  {
    title: 'registers layers on each other, and finds them by their chainID',
    run: async (open) => {
      const { layers } = await open();
      const [below, above] = await Promise.all([sampleBlob('below'), sampleBlob('above')]);
      const staged = await Promise.all([stage(layers, below), stage(layers, above)]);
      const base = await layers.register(staged[0], undefined);
      const top = await layers.register(staged[1], base.layer.chainID);
      await Promise.all(staged.map((each) => each.discard()));
      assert.equal(base.layer.chainID, below.diffID);
      assert.equal(base.layer.parent, undefined);
      assert.equal(top.layer.chainID, chainIDOf(base.layer.chainID, above.diffID));
      for (const lease of [base, top]) {
        const { layer } = lease;
        const found = await layers.acquire(layer.chainID);
        assert.deepEqual(described(found?.layer), described(layer));
        found?.release();
        found?.release();
        lease.release();
      }
      assert.equal(top.layer.parent, base.layer.chainID);
      assert.deepEqual(top.layer.blob, above.blob);
      assert.equal(top.layer.diffID, above.diffID);
    },
  },
  caseOfLayer('knows no layer that was not registered', async ({ layers, ...sample }) => {
    const staged = await stage(layers, sample);
    assert.equal(await layers.acquire(chainIDOf(undefined, sample.diffID)), undefined);
    await staged.discard();
  }),
  {
    title: 'refuses a layer on a parent that is not there',
    run: async (open) => {
      const { layers } = await open();
      const [orphan, missing] = await Promise.all([sampleBlob('orphan'), sampleBlob('missing')]);
      const staged = await stage(layers, orphan);
      const parent = chainIDOf(undefined, missing.diffID);
      await failsWith('ERR_STORE_NO_PARENT', layers.register(staged, parent));
      assert.equal(await layers.acquire(chainIDOf(parent, orphan.diffID)), undefined);
      await staged.discard();
    },
  },
  caseOfLayer(
    'answers with the layer that is there when a chain is registered again',
    async ({ layers, ...sample }) => {
      const [one, two] = [await stage(layers, sample), await stage(layers, sample)];
      const leases = await Promise.all([
        layers.register(one, undefined),
        layers.register(two, undefined),
      ]);
      leases.push(await layers.register(two, undefined));
      for (const { layer } of leases) {
        assert.deepEqual(described(layer), described(leases[0].layer));
      }
      await Promise.all([one.discard(), two.discard()]);
      for (const lease of leases) lease.release();
    },
  ),
  caseOfLayer('registers one staged layer on several parents', async ({ layers, ...sample }) => {
    const staged = await stage(layers, sample);
    const lower = await layers.register(staged, undefined);
    const upper = await layers.register(staged, lower.layer.chainID);
    await staged.discard();
    assert.equal(upper.layer.parent, lower.layer.chainID);
    assert.equal(upper.layer.diffID, lower.layer.diffID);
    lower.release();
    upper.release();
  }),
  ...(['gzip', 'none'] as const).map((compression): StoreCase => ({
    title: `gives a layer back as the tar that it was made of, compression ${compression}`,
    run: async (open) => {
      const { layers } = await open();
      const sample = await sampleBlob('tar', { compression });
      const staged = await stage(layers, sample);
      const lease = await layers.register(staged, undefined);
      const { layer } = lease;
      await staged.discard();
      const hash = createHash('sha256');
      let size = 0;
      const tar = await layer.tarStream();
      for await (const chunk of tar as AsyncIterable<Buffer>) {
        hash.update(chunk);
        size += chunk.length;
      }
      assert.equal(finishDigest(hash, 'sha256'), sample.diffID);
      assert.equal(size, layer.size);
      lease.release();
    },
  })),
  caseOfLayer('ends the tar of a layer that is no longer wanted', async ({ layers, ...sample }) => {
    const staged = await stage(layers, sample);
    (await layers.register(staged, undefined)).release();
    await staged.discard();
    const found = await layers.acquire(chainIDOf(undefined, sample.diffID));
    assert(found !== undefined);
    const stop = new AbortController();
    const tar = await found.layer.tarStream(stop.signal);
    stop.abort();
    await assert.rejects(tar.toArray(), { name: 'AbortError' });
    found.release();
  }),
  caseOfLayer(
    'keeps a layer for later images when its ingest is long over',
    async ({ layers, ...sample }) => {
      const staged = await stage(layers, sample);
      (await layers.register(staged, undefined)).release();
      await staged.discard();
      await ingesting(layers, sample.blob, (ingest) => {
        assert.equal(ingest.offset, sample.blob.size);
        return Promise.resolve();
      });
      const found = await layers.acquire(chainIDOf(undefined, sample.diffID));
      assert.equal(found?.layer.diffID, sample.diffID);
      found.release();
    },
  ),
];

/** What the interface has of a layer; a store may know more. */
function described(layer: Layer | undefined): unknown {
  if (layer === undefined) return undefined;
  const { chainID, diffID, parent, blob, size } = layer;
  return { chainID, diffID, parent, blob, size };
}
