import { mkdirSync, mkdtempSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import {
  createRegistryClient,
  createRxfer,
  openDiskStore,
  type ReusedFiles,
  type SharingMode,
} from '../../src/index.js';
import { mountBtrfs } from '../support/btrfs.js';
import { unmountAll } from '../support/loop-mount.js';
import { describeWithPeers } from '../support/peers.js';
import { writeRawImage } from '../support/raw-image.js';
import { rawTar, type RawEntry } from '../support/raw-tar.js';
import { run } from '../support/run.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { describeWholeTree } from '../support/tree.js';

const client = createRegistryClient();
afterAll(async () => {
  await client.close();
  unmountAll();
  removeTemporaryFolders();
});

/** `cap_net_raw+ep`, which has bytes that are no text. */
const capability = Buffer.from('0100000200200000000000000000c0ff00000000', 'hex');
const xattr = (name: string, value: string | Buffer): Record<string, string | Buffer> => ({
  [`SCHILY.xattr.${name}`]: value,
});
const folders = Array.from({ length: 20 }, (_, depth) => 'long-name/'.repeat(depth + 1));
const long = `${folders.at(-1)}${'n'.repeat(120)}`;

// Every folder has an entry: one that is made on the way has the time of its making.
const images: Record<string, RawEntry[][]> = {
  'extended attributes': [
    [
      { name: './', pax: xattr('user.root', 'r') },
      { name: 'bin/', pax: xattr('user.folder', 'f') },
      {
        name: 'bin/ping',
        data: 'ping',
        mode: 0o755,
        pax: xattr('security.capability', capability),
      },
      {
        name: 'bin/many',
        data: '',
        mode: 0o444,
        pax: {
          ...xattr('user.a', 'x=y\nz'),
          ...xattr('user.empty', ''),
          ...xattr('trusted.b', '2'),
        },
      },
      { name: 'odd name\n=\\', data: '', pax: xattr('user.c', Buffer.from([0, 1, 255])) },
      { name: 'link', flag: '2', linkname: 'bin', pax: xattr('trusted.link', 'l') },
      { name: 'gone/', pax: xattr('user.gone', 'g') },
      { name: 'gone/file', pax: xattr('user.gone', 'g') },
      { name: 'gone', flag: '2', linkname: 'bin' },
    ],
    [{ name: 'bin/ping', data: 'without' }],
  ],
  'owners, modes and times': [
    [
      { name: './', mode: 0o751, mtime: 1_600_000_000 },
      { name: 'setuid', mode: 0o4755, uid: 12, gid: 34 },
      { name: 'sticky/', mode: 0o1777, uid: 1000, gid: 1000, mtime: 1_500_000_000 },
      { name: 'sticky/locked/', mode: 0o000 },
      { name: 'sticky/locked/file', data: 'x', mode: 0o000 },
      { name: 'large-owner', pax: { uid: '3000000000', gid: '3000000001' } },
      { name: 'exact', pax: { mtime: '1700000000.123457' } },
      { name: 'nanoseconds', pax: { mtime: '1700000000.987654321' } },
      { name: 'epoch', mtime: 0 },
      { name: 'future', pax: { mtime: '4102444800.5' } },
      { name: 'link', flag: '2', linkname: 'nowhere', uid: 5, gid: 6, mtime: 1_400_000_000 },
    ],
    [
      // The folder has no entry of its own in this layer.
      { name: 'sticky/new', data: 'new' },
    ],
  ],
  'folders that several layers describe': [
    [
      { name: './', mode: 0o755, mtime: 1_400_000_000, pax: xattr('user.root', 'lower') },
      {
        name: 'again/',
        mode: 0o2750,
        uid: 7,
        gid: 8,
        mtime: 1_500_000_000,
        pax: { ...xattr('user.lower', 'l'), ...xattr('user.both', 'lower') },
      },
      { name: 'again/file', data: '1' },
      { name: 'bare/', pax: xattr('user.lower', 'l') },
      { name: 'kept/', mode: 0o700, mtime: 1_500_000_000, pax: xattr('user.kept', 'k') },
      { name: 'kept/gone', data: '' },
      { name: 'opaque/', mtime: 1_500_000_000, pax: xattr('user.kept', 'k') },
      { name: 'opaque/gone', data: '' },
      // Names as programs write them in other ways.
      { name: 'odd \\\n\xff=/', pax: xattr('user.odd', 'o') },
      { name: Buffer.from('latin-\xe9/', 'latin1'), pax: xattr('user.odd', 'o') },
      { name: 'twice/', mode: 0o700, pax: xattr('user.first', '1') },
      { name: 'twice/', mode: 0o711, mtime: 1_300_000_000, pax: xattr('user.second', '2') },
      { name: 'real/', mode: 0o700, mtime: 1_500_000_000, pax: xattr('user.real', 'r') },
      { name: 'link', flag: '2', linkname: 'real' },
      { name: 'below/real/', mode: 0o700, pax: xattr('user.real', 'r') },
      { name: 'below/', mtime: 1_500_000_000 },
      { name: 'below/link', flag: '2', linkname: 'real' },
    ],
    [
      { name: './', mode: 0o711, mtime: 1_450_000_000, uid: 3 },
      {
        name: 'again/',
        mode: 0o1777,
        uid: 9,
        mtime: 1_600_000_000,
        pax: { ...xattr('user.upper', 'u'), ...xattr('user.both', 'upper') },
      },
      { name: 'bare/', mode: 0o500, mtime: 1_600_000_000 },
      { name: 'odd \\\n\xff=/' },
      { name: Buffer.from('latin-\xe9/', 'latin1') },
      // No entries of their own: what they are stays.
      { name: 'kept/.wh.gone' },
      { name: 'kept/new', data: '' },
      { name: 'opaque/.wh..wh..opq' },
      { name: 'below/link/file', data: 'through a link' },
    ],
    [{ name: 'again/file', data: '3' }],
  ],
  'links and devices': [
    [
      { name: 'a', data: 'a' },
      { name: 'b', flag: '1', linkname: 'a' },
      { name: 'c', flag: '1', linkname: './b' },
      { name: 'symlink', flag: '2', linkname: '/a' },
      { name: 'hard-symlink', flag: '1', linkname: 'symlink' },
      { name: 'dev/' },
      { name: 'dev/null', flag: '3', device: [1, 3], mode: 0o666 },
      { name: 'dev/loop', flag: '4', device: [7, 300], mode: 0o660, gid: 6 },
      { name: 'dev/pipe', flag: '6', mode: 0o620, uid: 3 },
    ],
    [
      { name: 'd', flag: '1', linkname: 'b' },
      { name: 'a', data: 'a file of its own' },
    ],
  ],
  names: [
    [
      { name: 'gnu/' },
      ...folders.map((path) => ({ name: 'x/', pax: { path } })),
      ...folders.map((path) => ({ name: 'x/', pax: { path: `gnu/${path}` } })),
      { name: 'x', pax: { path: long }, data: 'pax' },
      { name: '././@LongLink', flag: 'L', data: `gnu/${long}\0` },
      { name: 'x', data: 'gnu' },
      { name: Buffer.from('latin-\xe9', 'latin1'), data: 'bytes' },
      { name: 'caf\u00e9', data: 'composed' },
      { name: 'cafe\u0301', data: 'decomposed' },
      { name: 'A', data: 'upper' },
      { name: 'a', data: 'lower' },
      { name: '/absolute', data: '' },
      { name: '../../up', data: '' },
    ],
  ],
  'whiteouts in either order': [
    [
      { name: 'a/' },
      { name: 'a/one', data: '1' },
      { name: 'a/two', data: '2' },
      { name: 'b/' },
      { name: 'b/one', data: '1' },
      { name: 'c/one', data: '1' },
      { name: 'd', data: 'd' },
      { name: 'e', data: 'e' },
      { name: 'f/', mode: 0o700 },
      { name: 'f/one', data: '1' },
    ],
    [
      // Opaque first, and last.
      { name: 'a/' },
      { name: 'a/.wh..wh..opq' },
      { name: 'a/new', data: 'n' },
      { name: 'b/' },
      { name: 'b/deep/' },
      { name: 'b/deep/new', data: 'n' },
      { name: 'b/.wh..wh..opq' },
      { name: '.wh.c' },
      { name: '.wh.nothing' },
      { name: 'nothing/.wh.nothing' },
      // A file hidden and brought anew, and the other way round.
      { name: '.wh.d' },
      { name: 'd', data: 'new d' },
      { name: 'f/.wh.one' },
    ],
  ],
  'sparse files, duplicates and files in the way': [
    [
      {
        name: 'sparse',
        data: 'x',
        pax: {
          'GNU.sparse.map': '500000,1',
          'GNU.sparse.size': '1000000',
          'GNU.sparse.numblocks': '1',
        },
      },
      { name: 'twice', data: 'first' },
      { name: 'twice', data: 'second', mode: 0o600 },
      { name: 'folder/file', data: '' },
      { name: 'folder', data: 'no folder any more' },
      { name: 'file', data: '' },
      { name: 'file/', mode: 0o711 },
      { name: 'file/in', data: 'in' },
    ],
  ],
};

/** The root itself, as an entry of its own says. */
function rootOf(root: string, image: string): readonly number[] {
  const { mode, uid, gid, mtimeMs } = statSync(root);
  const hasEntry = images[image]!.some((layer) => layer.some(({ name }) => name === './'));
  return [mode, uid, gid, ...(hasEntry ? [mtimeMs] : [])];
}

const btrfs = mountBtrfs();

interface Way {
  readonly link?: SharingMode;
  /** Where the store and what is unpacked from it are. */
  readonly folder: () => string;
  readonly reused?: (keyof ReusedFiles)[];
}
const ways: Record<string, Way> = {
  'from blobs': { folder: temporaryFolder },
  'by hard links': { link: 'hard', folder: temporaryFolder, reused: ['linked'] },
  'by reflinks, or copies': { link: 'reflink', folder: temporaryFolder },
  ...(btrfs !== undefined && {
    'by reflinks': {
      link: 'reflink',
      folder: () => mkdtempSync(join(btrfs, 'spec-')),
      reused: ['cloned'],
    },
  }),
};
/** In whose layers every file keeps its place, so that all can be made from the store's files. */
const wholly = new Set(Object.keys(images).filter((name) => !/duplicates|attributes/.test(name)));

describeWithPeers(['umoci', 'setfattr', 'getfattr'], 'unpack is what umoci unpacks', () => {
  describe.each(Object.keys(images))('%s', (name) => {
    const layout = join(temporaryFolder(), 'layout');
    const bundle = join(temporaryFolder(), 'bundle');

    beforeAll(async () => {
      mkdirSync(layout);
      writeRawImage(
        layout,
        images[name]!.map((entries) => rawTar(entries)),
      );
      await run('umoci', 'unpack', '--image', `${layout}:v1`, bundle);
    });

    it('as it arrives from the layout', async () => {
      const folder = temporaryFolder();
      const store = await openDiskStore(join(folder, 'store'));
      const rxfer = createRxfer({ store, registry: client });
      const root = join(folder, 'rootfs');
      const event = await lastValueFrom(rxfer.unpack(`oci:${layout}:v1`, root));
      expect(describeWholeTree(root)).toEqual(describeWholeTree(join(bundle, 'rootfs')));
      expect(rootOf(root, name)).toEqual(rootOf(join(bundle, 'rootfs'), name));
      expect(event).toMatchObject({ kind: 'result', omissions: [] });
    });

    it.each(Object.keys(ways))('%s', async (key) => {
      const { link, folder: newFolder, reused = [] } = ways[key]!;
      const folder = newFolder();
      const store = await openDiskStore(join(folder, 'store'));
      const rxfer = createRxfer({ store, registry: client });
      const copied = await lastValueFrom(rxfer.copy(`oci:${layout}:v1`, 'store:app:v1'));
      if ('release' in copied) copied.release();
      const root = join(folder, 'rootfs');
      const event = await lastValueFrom(rxfer.unpack('app:v1', root, link && { link }));
      const names = link === 'hard' ? 'elsewhere too' : 'all here';
      expect(describeWholeTree(root, names)).toEqual(
        describeWholeTree(join(bundle, 'rootfs'), names),
      );
      expect(rootOf(root, name)).toEqual(rootOf(join(bundle, 'rootfs'), name));
      expect(event).toMatchObject({ kind: 'result', omissions: [] });
      if (event.kind !== 'result' || !wholly.has(name)) return;
      expect(event.reused?.layers).toBe(link && images[name]!.length);
      for (const how of reused) expect(event.reused?.[how]).toBeGreaterThan(0);
      expect((await store.verify()).damages).toEqual([]);
    });
  });
});
