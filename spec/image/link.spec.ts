import * as fs from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, take } from 'rxjs';
import {
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  openDiskStore,
  type DiskStore,
  type ReusedFiles,
  type Rxfer,
  type SharingMode,
  type Store,
} from '../../src/index.js';
import { chainIDsOf, digestHex } from '../../src/oci/index.js';
import { sampleImage, startRegistry, type SampleImage } from '../../src/testing/index.js';
import { mountBtrfs } from '../support/btrfs.js';
import { unmountAll } from '../support/loop-mount.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { describeTree } from '../support/tree.js';

// Each verifies, which syncs, on machines that have other things to do.
jest.setTimeout(120_000);

const client = createRegistryClient();
const btrfs = mountBtrfs();
const itOnBtrfs = btrfs === undefined ? it.skip : it;
let image: SampleImage;
let store: DiskStore;
let rxfer: Rxfer;

beforeEach(async () => {
  image = await sampleImage({
    layers: [
      [
        { name: 'etc/' },
        { name: 'etc/os', content: 'one' },
        { name: 'etc/large', size: 900_000 },
        { name: 'etc/again', type: 'link', linkname: 'etc/os' },
      ],
      [{ name: 'etc/' }, { name: 'etc/.wh.large' }, { name: 'etc/new', content: 'two' }],
    ],
  });
  store = await openDiskStore(temporaryFolder());
  rxfer = await pulledInto(store);
});
afterAll(async () => {
  await client.close();
  unmountAll();
  removeTemporaryFolders();
});

async function pulledInto(into: Store): Promise<Rxfer> {
  const registry = await startRegistry();
  registry.addImage('app', 'v1', image);
  const made = createRxfer({ store: into, registry: client });
  try {
    const copied = await lastValueFrom(made.copy(`${registry.host}/app:v1`, 'store:app:v1'));
    if ('release' in copied) copied.release();
    return made;
  } finally {
    await registry.close();
  }
}

async function unpack(
  link?: SharingMode,
  root = join(temporaryFolder(), 'root'),
): Promise<{ root: string; reused: ReusedFiles | undefined }> {
  const event = await lastValueFrom(rxfer.unpack('app:v1', root, link && { link }));
  if (event.kind !== 'result') throw new Error('no result');
  return { root, reused: event.reused };
}

const read = (root: string, name: string): string => fs.readFileSync(join(root, name), 'utf8');
const layerFolder = (index: number): string =>
  join(store.directory, 'layers', 'sha256', digestHex(chainIDsOf(image.diffIDs)[index]!));
const stored = (index: number, name: string): string => join(layerFolder(index), 'diff', name);

describe('unpack with hard links', () => {
  it('makes names of the files in the store, and names of one file stay so', async () => {
    const { root, reused } = await unpack('hard');
    expect(reused).toEqual({ layers: 2, linked: 3, cloned: 0, copied: 0 });
    const inode = (file: string): number => fs.statSync(file).ino;
    expect(inode(join(root, 'etc/os'))).toBe(inode(stored(0, 'etc/os')));
    expect(inode(join(root, 'etc/again'))).toBe(inode(join(root, 'etc/os')));
    expect(fs.readdirSync(join(root, 'etc')).sort()).toEqual(['again', 'new', 'os']);
    expect((await store.verify()).damages).toEqual([]);
  });

  it.each([
    ['bytes', (file: string) => fs.writeFileSync(file, 'two')],
    ['a mode', (file: string) => fs.chmodSync(file, 0o777)],
    ['a time', (file: string) => fs.utimesSync(file, 1, 1)],
    [
      'bytes, with the time put back',
      (file: string) => {
        const { atime, mtime } = fs.statSync(file);
        fs.writeFileSync(file, 'two');
        fs.utimesSync(file, atime, mtime);
      },
    ],
  ])('leaves no change through them unnoticed: %s', async (_, change) => {
    const { root } = await unpack('hard');
    change(join(root, 'etc/os'));
    const { damages, affected } = await store.verify({ mode: 'remove' });
    expect(damages[0]).toMatchObject({
      kind: 'layer',
      problem: expect.stringContaining('of diff/etc/') as unknown,
      removed: true,
    });
    expect(affected).toEqual(['docker.io/library/app:v1']);
  });

  it('does not use a layer whose files were written to since, but its blob', async () => {
    const first = await unpack('hard');
    fs.writeFileSync(join(first.root, 'etc/os'), 'changed');
    for (const link of ['hard', 'reflink'] as const) {
      const { root, reused } = await unpack(link);
      expect(reused?.layers).toBe(1);
      expect(read(root, 'etc/os')).toBe('one');
    }
  });

  it('clones or copies where a link can not be: to another file system', async () => {
    if (btrfs === undefined) return;
    const { root, reused } = await unpack('hard', join(btrfs, 'elsewhere'));
    expect(reused).toEqual({ layers: 2, linked: 0, cloned: 0, copied: 3 });
    expect(read(root, 'etc/new')).toBe('two');
  });
});

describe('unpack with reflinks', () => {
  it('copies where there are none, and no change reaches the store', async () => {
    const { root, reused } = await unpack('reflink');
    expect(reused).toMatchObject({ layers: 2, linked: 0 });
    expect((reused?.cloned ?? 0) + (reused?.copied ?? 0)).toBe(3);
    fs.writeFileSync(join(root, 'etc/os'), 'changed');
    expect((await store.verify()).damages).toEqual([]);
  });

  it('makes of large and small files what it makes of the blob', async () => {
    const isRoot = process.geteuid?.() === 0;
    const like = { mode: 0o4750, mtime: new Date(1_000_000_000_000), ...(isRoot && { uid: 7 }) };
    image = await sampleImage({
      layers: [[255, 256, 1500].map((kib) => ({ name: `${kib}`, size: kib * 1024, ...like }))],
    });
    rxfer = await pulledInto(store);
    const { root, reused } = await unpack('reflink');
    expect((reused?.cloned ?? 0) + (reused?.copied ?? 0)).toBe(3);
    expect(describeTree(root)).toEqual(describeTree((await unpack()).root));
    fs.writeFileSync(join(root, '1500'), 'changed');
    expect((await store.verify()).damages).toEqual([]);
  });

  itOnBtrfs('shares the blocks until one is written to', async () => {
    store = await openDiskStore(join(btrfs ?? '', 'store'));
    rxfer = await pulledInto(store);
    const { root, reused } = await unpack('reflink', join(btrfs ?? '', 'root'));
    expect(reused).toEqual({ layers: 2, linked: 0, cloned: 3, copied: 0 });
    fs.writeFileSync(join(root, 'etc/os'), 'changed');
    expect(fs.readFileSync(stored(0, 'etc/os'), 'utf8')).toBe('one');
    expect((await store.verify()).damages).toEqual([]);
  });

  itOnBtrfs(
    'copies what runs as its owner: a clone would be ours with that mode at first',
    async () => {
      const modes = [0o4755, 0o2755, 0o755];
      const layer = modes.map((mode) => ({ name: mode.toString(8), content: 'one', mode }));
      image = await sampleImage({ layers: [layer] });
      store = await openDiskStore(join(btrfs ?? '', 'store-of-programs'));
      rxfer = await pulledInto(store);
      const { root, reused } = await unpack('reflink', join(btrfs ?? '', 'programs'));
      expect(reused).toEqual({ layers: 1, linked: 0, cloned: 1, copied: 2 });
      for (const mode of modes)
        expect(fs.statSync(join(root, mode.toString(8))).mode & 0o7777).toBe(mode);
    },
  );
});

describe('unpack is from blobs', () => {
  it('in a store of former versions, and where the list is damaged', async () => {
    fs.rmSync(join(layerFolder(0), 'entries.jsonl.gz'));
    fs.writeFileSync(join(layerFolder(1), 'entries.jsonl.gz'), 'damaged');
    const { root, reused } = await unpack('hard');
    expect(reused).toEqual({ layers: 0, linked: 0, cloned: 0, copied: 0 });
    expect([read(root, 'etc/os'), read(root, 'etc/new')]).toEqual(['one', 'two']);
  });

  it('in a store in memory', async () => {
    rxfer = await pulledInto(createMemoryStore());
    const { root, reused } = await unpack('hard');
    expect(reused?.layers).toBe(0);
    expect(read(root, 'etc/os')).toBe('one');
  });

  it('when nothing else is asked for', async () => {
    const { root, reused } = await unpack();
    expect(reused).toBeUndefined();
    expect(fs.statSync(join(root, 'etc/new')).nlink).toBe(1);
  });
});

it('unpack leaves an empty folder when it is cancelled between layers', async () => {
  const root = join(temporaryFolder(), 'root');
  // The second layer is about to come.
  await lastValueFrom(rxfer.unpack('app:v1', root, { link: 'hard' }).pipe(take(3)));
  while (fs.readdirSync(root).length > 0) await new Promise((done) => setTimeout(done, 5));
  expect((await store.collect()).layers).toEqual([]);
});
