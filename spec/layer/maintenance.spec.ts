import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import {
  createRegistryClient,
  createRxfer,
  openDiskStore,
  type DiskStore,
  type PullResultEvent,
  type Rxfer,
} from '../../src/index.js';
import { SyncBarrier } from '../../src/layer/sync-barrier.js';
import { chainIDsOf, digestHex, type ChainID, type Digest } from '../../src/oci/index.js';
import {
  sampleImage,
  sampleIndex,
  startRegistry,
  type SampleEntry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { isOnPath } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

// Each starts processes or syncs many files, on machines that have other things to do.
jest.setTimeout(120_000);

const client = createRegistryClient();
let registry: TestRegistry;
let one: SampleImage;
let two: SampleImage;
let folder: string;
let store: DiskStore;
let rxfer: Rxfer;

const entries = (name: string): SampleEntry[] => [
  { name: `${name}/` },
  { name: `${name}/file`, size: 20_000 },
  { name: `${name}/link`, type: 'symlink', linkname: 'file' },
  { name: `${name}/hard`, type: 'link', linkname: `${name}/file` },
  { name: `${name}/of-some-time/file`, size: 1 },
];

beforeAll(async () => {
  registry = await startRegistry();
  one = await sampleImage({ layers: [entries('base'), entries('one')] });
  two = await sampleImage({ layers: [entries('base'), entries('two'), entries('top')] });
  registry.addImage('one', 'v1', one);
  registry.addImage('two', 'v1', two);
});
beforeEach(async () => {
  folder = temporaryFolder();
  store = await openDiskStore(folder);
  rxfer = createRxfer({ store, registry: client });
});
afterAll(async () => {
  await client.close();
  await registry.close();
  removeTemporaryFolders();
});

const nameOf = (name: string): string => `${registry.host}/${name}:v1`;

async function pull(name: string): Promise<PullResultEvent> {
  const event = await lastValueFrom(rxfer.pull(nameOf(name)));
  if (event.kind !== 'result') throw new Error('no result');
  return event;
}

async function pullAll(): Promise<void> {
  for (const name of ['one', 'two']) (await pull(name)).release();
}

const blobFile = (digest: Digest): string => join(folder, 'blobs', 'sha256', digestHex(digest));
const layerFolder = (chainID: ChainID): string =>
  join(folder, 'layers', 'sha256', digestHex(chainID));

describe('collect', () => {
  it('removes what nothing refers to, and keeps what images share', async () => {
    await pullAll();
    expect(await store.collect()).toMatchObject({ layers: [], blobs: [], partials: [] });
    await store.images.delete(nameOf('two'));
    const [, second, third] = chainIDsOf(two.diffIDs);
    const expected = { layers: [third, second], partials: [] };
    const planned = await store.collect({ mode: 'dry run' });
    expect(planned).toMatchObject(expected);
    // Two layers, the configuration and the manifest.
    expect(planned.blobs).toHaveLength(4);
    const still = await store.layers.acquire(third!);
    expect(still?.layer.chainID).toBe(third);
    still?.release();
    const { reclaimable } = (await store.usage()).layers;
    expect(reclaimable).toBeGreaterThan(40_000);
  });

  it('keeps what another store of the folder leases, until that gives it up', async () => {
    await pullAll();
    const other = await openDiskStore(folder);
    const top = chainIDsOf(two.diffIDs).at(-1)!;
    const lease = await other.layers.acquire(top);
    await store.images.delete(nameOf('two'));
    const kept = await store.collect();
    expect(kept.layers).toEqual([]);
    // The documents are nobody's; the blobs of the leased layers are theirs.
    expect(kept.blobs).toHaveLength(2);
    lease?.release();
    const removed = await store.collect();
    expect(removed.layers).toHaveLength(2);
    expect(removed.bytes).toBeGreaterThan(40_000);
    expect((await store.verify()).damages).toEqual([]);
    expect(fs.readdirSync(join(folder, 'trash'))).toEqual([]);
    // A lease is given up at once, the session that has none left a moment later.
    await until(() => fs.readdirSync(join(folder, 'sessions')).length === 0);
    expect((await pull('two')).image.statuses).toEqual(['exists', 'pulled', 'pulled']);
  });

  it('removes downloads that were broken off, but none that is under way', async () => {
    const [blob] = one.layers;
    const abort = new AbortController();
    const ingest = await store.layers.ingest(blob!, abort.signal);
    const bytes = one.blobs.get(blob!.digest)!;
    const { Readable } = await import('node:stream');
    await ingest.append(Readable.from([bytes.subarray(0, 1000)]), { signal: abort.signal });
    const other = await openDiskStore(folder);
    expect((await other.collect()).partials).toEqual([]);
    await ingest.close();
    expect((await other.collect()).partials).toEqual([blob!.digest]);
    expect(fs.readdirSync(join(folder, 'ingest'))).toEqual([]);
  });

  it('removes nothing when it cannot tell what is referred to', async () => {
    await pullAll();
    fs.rmSync(blobFile(two.descriptor.digest));
    await expect(store.collect()).rejects.toMatchObject({ code: 'ERR_STORE_DAMAGED' });
    expect((await store.usage().catch((error: unknown) => error)) as object).toMatchObject({
      code: 'ERR_STORE_DAMAGED',
    });
    expect(fs.readdirSync(join(folder, 'layers', 'sha256'))).toHaveLength(4);
  });
});

const hasAttributes = isOnPath('setfattr');

describe('verify', () => {
  const top = (): ChainID => chainIDsOf(two.diffIDs).at(-1)!;
  const middle = (): ChainID => chainIDsOf(two.diffIDs)[1]!;
  const inTop = (name: string): string => join(layerFolder(top()), 'diff', 'top', name);

  it('finds nothing in a store that is whole', async () => {
    await pullAll();
    expect(await store.verify()).toEqual({
      // Four layers, two configurations, two manifests.
      checked: { blobs: 8, layers: 4, images: 2 },
      damages: [],
      affected: [],
      omissions: hasAttributes ? [] : [expect.stringContaining('apt-get install attr')],
    });
  });

  const damages: [string, kinds: string[], fetched: () => number, damage: () => void][] = [
    ['a byte of a blob', ['blob', 'layer', 'image'], sizeOfTop, () => flip(topBlob(), 5000)],
    [
      'the end of a blob',
      ['blob', 'layer', 'image'],
      sizeOfTop,
      () => fs.truncateSync(topBlob(), 99),
    ],
    ['a blob that is gone', ['layer'], sizeOfTop, () => fs.rmSync(topBlob())],
    ['a manifest', ['blob', 'image'], none, () => flip(blobFile(two.descriptor.digest), 20)],
    ['a manifest that is gone', ['image'], none, () => fs.rmSync(blobFile(two.descriptor.digest))],
    ['bytes of a file', ['layer', 'image'], none, () => flip(inTop('file'), 7)],
    ['the mode of a file', ['layer', 'image'], none, () => fs.chmodSync(inTop('file'), 0o600)],
    ['the time of a file', ['layer', 'image'], none, () => fs.utimesSync(inTop('file'), 1, 1)],
    ['the time of a folder', ['layer', 'image'], none, () => fs.utimesSync(inTop('.'), 1, 1)],
    ['a file that is gone', ['layer', 'image'], none, () => fs.rmSync(inTop('file'))],
    ['a file that was added', ['layer', 'image'], none, () => fs.writeFileSync(inTop('new'), '')],
    ['a name of another file', ['layer', 'image'], none, unlink],
    ...attributes(),
    ["a layer's list of entries", ['layer', 'image'], none, () => flip(list(), 30)],
    ['a link that leads elsewhere', ['layer', 'image'], none, relink],
    ["a layer's record", ['layer', 'image'], none, () => fs.writeFileSync(record(), '{')],
    ['a layer without a record', ['layer', 'image'], none, () => fs.rmSync(record())],
    [
      'a layer that is gone',
      ['image'],
      none,
      () => fs.rmSync(layerFolder(top()), { recursive: true }),
    ],
    [
      'a parent that is gone',
      ['layer', 'image'],
      none,
      () => fs.rmSync(layerFolder(middle()), { recursive: true }),
    ],
  ];

  it.each(damages)('finds %s, and lets it be repaired', async (_, kinds, fetched, damage) => {
    await pullAll();
    damage();
    const found = await store.verify();
    expect([...new Set(found.damages.map(({ kind }) => kind))]).toEqual(
      expect.arrayContaining(kinds),
    );
    expect(found.damages.every(({ removed }) => !removed)).toBe(true);
    const { affected } = await store.verify({ mode: 'remove' });
    expect(affected).toEqual([nameOf('two')]);
    const before = two.layers.reduce((sum, { digest }) => sum + registry.bytesServed(digest), 0);
    const repaired = await lastValueFrom(rxfer.repair(nameOf('two')));
    if (repaired.kind === 'result') repaired.release();
    const after = two.layers.reduce((sum, { digest }) => sum + registry.bytesServed(digest), 0);
    expect(after - before).toBe(fetched());
    expect((await store.verify()).damages).toEqual([]);
  });

  it('is repaired without the registry where blobs and documents are whole', async () => {
    const gone = await startRegistry();
    gone.addImage('nested', 'v1', nested().images);
    const reference = `${gone.host}/nested:v1`;
    const pulled = await lastValueFrom(rxfer.pull(reference));
    if (pulled.kind === 'result') pulled.release();
    await gone.close();
    fs.writeFileSync(inTop('file'), 'somebody was here');
    expect((await store.verify({ mode: 'remove' })).affected).toEqual([reference]);
    const repaired = await lastValueFrom(rxfer.repair(reference));
    if (repaired.kind === 'result') repaired.release();
    expect((await store.verify()).damages).toEqual([]);
  });

  it('removes a record that cannot be read', async () => {
    await pullAll();
    const [file = ''] = fs.readdirSync(join(folder, 'images'));
    fs.writeFileSync(join(folder, 'images', file), '{');
    const found = await store.verify({ mode: 'remove' });
    expect(found.damages).toMatchObject([{ kind: 'image', name: file, removed: true }]);
    expect(await store.images.list()).toHaveLength(1);
  });

  it.each([
    ['the inner one', () => [nested().inner]],
    ['the outer one', () => [nested().outer]],
    ['both', () => [nested().inner, nested().outer]],
  ])(
    'finds an index within an index that is gone, and lets it be repaired: %s',
    async (_, gone) => {
      const { inner, outer, images } = nested();
      registry.addImage('nested', 'v1', images);
      await pull('nested').then(({ release }) => release());
      for (const digest of gone()) fs.rmSync(blobFile(digest));
      const found = await store.verify({ mode: 'remove' });
      expect(found).toMatchObject({
        damages: [{ kind: 'image', name: nameOf('nested') }],
        affected: [nameOf('nested')],
      });
      const repaired = await lastValueFrom(rxfer.repair(nameOf('nested')));
      if (repaired.kind === 'result') repaired.release();
      for (const digest of [inner, outer]) expect(fs.existsSync(blobFile(digest))).toBe(true);
      expect((await store.verify()).damages).toEqual([]);
    },
  );

  it('puts nothing on the disk', async () => {
    await pullAll();
    const barrier = jest.spyOn(SyncBarrier.prototype, 'pass');
    expect((await store.verify()).damages).toEqual([]);
    expect(barrier).not.toHaveBeenCalled();
    barrier.mockRestore();
  });

  it('does not remove what is in use', async () => {
    await pullAll();
    flip(topBlob(), 5000);
    const other = await openDiskStore(folder);
    const lease = await other.layers.acquire(top());
    const { damages: found } = await store.verify({ mode: 'remove' });
    expect(found.some(({ removed }) => removed)).toBe(false);
    lease?.release();
  });

  function nested(): { images: SampleImage; inner: Digest; outer: Digest } {
    const inside = sampleIndex([two]);
    const images = sampleIndex([inside]);
    return { images, inner: inside.descriptor.digest, outer: images.descriptor.digest };
  }
  function topBlob(): string {
    return blobFile(two.layers[2]!.digest);
  }
  function sizeOfTop(): number {
    return two.layers[2]!.size;
  }
  function none(): number {
    return 0;
  }
  function record(): string {
    return join(layerFolder(top()), 'layer.json');
  }
  function attributes(): typeof damages {
    return hasAttributes ? [['an attribute', ['layer', 'image'], none, setAttribute]] : [];
  }
  function list(): string {
    return join(layerFolder(top()), 'entries.jsonl.gz');
  }
  function setAttribute(): void {
    execFileSync('setfattr', ['-n', 'user.damage', '-v', 'x', inTop('file')]);
  }
  /** Two files of the same bytes in place of one with two names. */
  function unlink(): void {
    const { atime, mtime } = fs.statSync(inTop('file'));
    fs.copyFileSync(inTop('file'), inTop('other'));
    fs.renameSync(inTop('other'), inTop('hard'));
    fs.utimesSync(inTop('hard'), atime, mtime);
  }
  function relink(): void {
    fs.rmSync(inTop('link'));
    fs.symlinkSync('elsewhere', inTop('link'));
  }
});

function flip(file: string, offset: number): void {
  const { atime, mtime } = fs.statSync(file);
  const bytes = fs.readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 0xff, offset);
  fs.writeFileSync(file, bytes);
  fs.utimesSync(file, atime, mtime);
}
