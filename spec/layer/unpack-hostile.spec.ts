import * as fs from 'node:fs';
import { join } from 'node:path';
import { applyLayer, type AppliedLayer, type ApplyLayerOptions } from '../../src/index.js';
import { octal, rawTar, streamOf, type RawEntry } from '../support/raw-tar.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { contentOf, describeTree } from '../support/tree.js';

afterAll(removeTemporaryFolders);

/** A folder with something to harm beside the root that a layer goes to. */
class Scene {
  readonly folder = temporaryFolder();
  readonly root = join(this.folder, 'around', 'root');
  readonly outside = join(this.folder, 'around', 'outside');
  readonly #before: string[];

  constructor() {
    fs.mkdirSync(this.root, { recursive: true });
    fs.mkdirSync(this.outside);
    fs.writeFileSync(join(this.outside, 'precious'), 'precious');
    this.#before = this.#surroundings();
  }

  unpack(
    entries: readonly RawEntry[] | Buffer,
    options: Partial<ApplyLayerOptions> = {},
  ): Promise<AppliedLayer> {
    const tar = Buffer.isBuffer(entries) ? entries : rawTar(entries);
    return applyLayer(streamOf(tar), this.root, { whiteouts: 'keep', ...options });
  }

  /** The unpacked files and links by name, with their content. */
  get content(): Record<string, string> {
    return contentOf(this.root);
  }

  expectUntouched(): void {
    expect(this.#surroundings()).toEqual(this.#before);
  }

  #surroundings(): string[] {
    // What is in the root is the layer's; everything around it is not.
    return describeTree(this.folder).filter((line) => !line.startsWith('around/root'));
  }
}

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.expectUntouched());

const invalid = (problem: string | RegExp) => ({
  code: 'ERR_INVALID_LAYER',
  message: expect.stringMatching(problem) as unknown,
});

describe('names stay in the root', () => {
  it.each([
    ['/etc/evil', 'etc/evil'],
    ['../../outside/evil', 'outside/evil'],
    ['a/../../../evil', 'evil'],
    ['./a/./b', 'a/b'],
    ['//double//slash', 'double/slash'],
    ['..', undefined],
    ['/', undefined],
    ['.', undefined],
  ])('%s', async (name, place) => {
    await scene.unpack([{ name, data: 'x', ...(place === undefined && { flag: '5', data: '' }) }]);
    expect(scene.content).toEqual(place === undefined ? {} : { [place]: 'x' });
  });

  it('through an absolute link, a relative one, and a chain of them', async () => {
    await scene.unpack([
      { name: 'absolute', flag: '2', linkname: scene.outside },
      { name: 'absolute/evil', data: '1' },
      { name: 'relative', flag: '2', linkname: '../outside' },
      { name: 'relative/evil', data: '2' },
      { name: 'one', flag: '2', linkname: 'two' },
      { name: 'two', flag: '2', linkname: '../../../../../../etc' },
      { name: 'one/evil', data: '3' },
    ]);
    expect(scene.content).toMatchObject({
      [`${scene.outside.slice(1)}/evil`]: '1',
      'outside/evil': '2',
      'etc/evil': '3',
    });
  });

  it('when a link takes the place of a file, of a folder, and of a name that was looked at', async () => {
    await scene.unpack([
      { name: 'dir/inner/file', data: '1' },
      { name: 'dir/inner', flag: '2', linkname: scene.outside },
      { name: 'dir/inner/precious', data: '2' },
      { name: 'file', data: '3' },
      { name: 'file', flag: '2', linkname: join(scene.outside, 'precious') },
      { name: 'file', data: '4' },
    ]);
    expect(scene.content['file']).toBe('4');
    expect(scene.content['dir/inner']).toBe(`-> ${scene.outside}`);
  });

  it('for attributes, modes and times of folders that became links', async () => {
    const pax = { 'SCHILY.xattr.user.evil': 'x' };
    await scene.unpack([
      { name: 'dir/', mode: 0o777, mtime: 1, pax },
      { name: 'dir/precious', data: '', mode: 0o777, pax },
      { name: 'dir', flag: '2', linkname: scene.outside },
    ]);
  });

  it('and a circle of links is refused', async () => {
    const entries = [
      { name: 'a', flag: '2', linkname: 'b' },
      { name: 'b', flag: '2', linkname: 'a' },
      { name: 'a/file', data: '' },
    ];
    await expect(scene.unpack(entries)).rejects.toMatchObject(invalid('circle of links'));
  });

  it('and whiteouts hide nothing outside', async () => {
    const entries = [
      { name: 'link', flag: '2', linkname: scene.outside },
      { name: 'link/.wh.precious' },
      { name: 'link/.wh..wh..opq' },
      { name: '../outside/.wh.precious' },
    ];
    await scene.unpack(entries, { whiteouts: 'apply' });
    await expect(scene.unpack([{ name: '.wh...' }], { whiteouts: 'apply' })).rejects.toMatchObject(
      invalid('not a whiteout'),
    );
  });
});

describe('hard links', () => {
  it.each([
    '../outside/precious',
    '/around/outside/precious',
    'link/precious',
    'folder',
    'nowhere',
    '.',
  ])('to %s are refused, or omitted where a lower layer may have it', async (linkname) => {
    const entries = [
      { name: 'link', flag: '2', linkname: scene.outside },
      { name: 'folder/' },
      { name: 'hard', flag: '1', linkname },
    ];
    const refusal = invalid("isn't a file of the layer");
    await expect(scene.unpack(entries, { whiteouts: 'apply' })).rejects.toMatchObject(refusal);
    const alone = scene.unpack(entries);
    if (linkname === 'folder' || linkname === '.') {
      await expect(alone).rejects.toMatchObject(refusal);
    } else {
      expect((await alone).omissions).toEqual(['hard link to a lower layer']);
      expect(scene.content).toEqual({ link: `-> ${scene.outside}` });
    }
  });

  it('to a symbolic link are a name of the link, and writing replaces it', async () => {
    await scene.unpack([
      { name: 'link', flag: '2', linkname: join(scene.outside, 'precious') },
      { name: 'hard', flag: '1', linkname: 'link' },
    ]);
    expect(scene.content['hard']).toBe(`-> ${join(scene.outside, 'precious')}`);
    await scene.unpack([{ name: 'hard', data: 'own' }]);
    expect(scene.content['hard']).toBe('own');
  });

  it('to themselves, or to what they would remove, are refused', async () => {
    await expect(
      scene.unpack([
        { name: 'a', data: '' },
        { name: 'a', flag: '1', linkname: './a' },
      ]),
    ).rejects.toMatchObject(invalid('hard link to itself'));
    await expect(
      scene.unpack([
        { name: 'b/c', data: '' },
        { name: 'b', flag: '1', linkname: 'b/c' },
      ]),
    ).rejects.toMatchObject(invalid('hard link to itself'));
  });

  it('share one file, and have no data whatever their header says', async () => {
    await scene.unpack([
      { name: 'a', data: 'one' },
      { name: 'b', flag: '1', linkname: 'a', size: 3 },
      { name: 'c', data: 'next' },
    ]);
    expect(scene.content).toEqual({ a: 'one', b: 'one', c: 'next' });
    const inode = (name: string): number => fs.statSync(join(scene.root, name)).ino;
    expect(inode('a')).toBe(inode('b'));
  });
});

describe('later entries override earlier ones', () => {
  const kinds: Record<string, RawEntry[]> = {
    file: [{ name: 'x', data: 'file' }],
    folder: [{ name: 'x/' }, { name: 'x/in', data: 'in' }],
    link: [{ name: 'x', flag: '2', linkname: 'elsewhere' }],
    pipe: [{ name: 'x', flag: '6' }],
  };
  const contents: Record<string, Record<string, string>> = {
    file: { x: 'file' },
    folder: { 'x/in': 'in' },
    link: { x: '-> elsewhere' },
    pipe: { x: 'special' },
  };
  const pairs = Object.keys(kinds).flatMap((a) => Object.keys(kinds).map((b) => [a, b] as const));

  it.each(pairs)('%s, %s', async (first, second) => {
    await scene.unpack([...kinds[first]!, ...kinds[second]!]);
    // Into the link of a folder's name, its files go where it leads.
    if (first === 'link' && second === 'folder') {
      expect(fs.lstatSync(join(scene.root, 'x')).isDirectory()).toBe(true);
    }
    expect(scene.content).toEqual(contents[second]);
  });

  it('a file where later entries need a folder', async () => {
    await scene.unpack([
      { name: 'x', data: '' },
      { name: 'x/y/z', data: 'deep' },
    ]);
    expect(scene.content).toEqual({ 'x/y/z': 'deep' });
  });
});

describe('names', () => {
  it('of PAX and of GNU may be long', async () => {
    const long = Array.from({ length: 8 }, () => 'n'.repeat(100)).join('/');
    await scene.unpack([
      { name: 'short', pax: { path: `pax/${long}` }, data: 'pax' },
      { name: '././@LongLink', flag: 'L', data: `gnu/${long}\0` },
      { name: 'short', data: 'gnu' },
      { name: '././@LongLink', flag: 'K', data: `${long}/target\0` },
      { name: 'link', flag: '2', linkname: 'short' },
    ]);
    expect(scene.content).toEqual({
      [`pax/${long}`]: 'pax',
      [`gnu/${long}`]: 'gnu',
      link: `-> ${long}/target`,
    });
  });

  it('longer than a file system takes are refused', async () => {
    const component = 'n'.repeat(256);
    const path = 'folder/'.repeat(600);
    await expect(scene.unpack([{ name: 'x', pax: { path: component } }])).rejects.toMatchObject(
      invalid('longer than 255 bytes'),
    );
    await expect(scene.unpack([{ name: 'x', pax: { path: `${path}x` } }])).rejects.toMatchObject(
      invalid('longer than 4095 bytes'),
    );
    // Together with the root's own path.
    await expect(
      scene.unpack([{ name: 'x', pax: { path: 'folder/'.repeat(584) } }]),
    ).rejects.toMatchObject(invalid("doesn't take"));
    await expect(
      scene.unpack([{ name: 'x', flag: '2', pax: { linkpath: path } }]),
    ).rejects.toMatchObject(invalid("doesn't take"));
  });

  it('with a NUL are refused', async () => {
    await expect(scene.unpack([{ name: 'x', pax: { path: 'a\0b' } }])).rejects.toMatchObject(
      invalid('PAX'),
    );
  });

  it('that differ in case or Unicode form are kept apart where the file system does', async () => {
    const { omissions } = await scene.unpack([
      { name: 'Name', data: '1' },
      { name: 'name', data: '2' },
      { name: 'caf\u00e9', data: '3' },
      { name: 'cafe\u0301', data: '4' },
    ]);
    expect(omissions).toEqual([]);
    expect(Object.values(scene.content).sort()).toEqual(['1', '2', '3', '4']);
  });

  it('keep their bytes when they are not UTF-8', async () => {
    const name = Buffer.from('caf\xe9/\xff\xfe', 'latin1');
    await scene.unpack([
      { name, data: 'bytes' },
      { name: 'link', flag: '2', linkname: name },
      { name: 'hard', flag: '1', linkname: name },
    ]);
    const file = Buffer.concat([Buffer.from(`${scene.root}/`), name]);
    expect(fs.readFileSync(file, 'utf8')).toBe('bytes');
    expect(fs.readlinkSync(join(scene.root, 'link'), 'buffer')).toEqual(name);
    expect(fs.readFileSync(join(scene.root, 'hard'), 'utf8')).toBe('bytes');
    await scene.unpack([{ name: Buffer.from('caf\xe9', 'latin1'), data: 'replaced' }]);
    expect(fs.readFileSync(Buffer.from(`${scene.root}/caf\xe9`, 'latin1'), 'utf8')).toBe(
      'replaced',
    );
  });
});

describe('headers', () => {
  it('of absurd size are refused', async () => {
    for (const flag of ['x', 'g', 'L', 'K']) {
      const header = { name: 'x', flag, size: 8 * 1024 ** 3 - 1 };
      await expect(scene.unpack([header])).rejects.toMatchObject(invalid('extended header has'));
    }
  });

  it('with a negative or a huge size are refused', async () => {
    const negative = Buffer.alloc(12, 0xff);
    const huge = Buffer.from([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    await expect(scene.unpack([{ name: 'x', size: negative }])).rejects.toMatchObject(
      invalid('negative size'),
    );
    await expect(scene.unpack([{ name: 'x', size: huge }])).rejects.toMatchObject(
      invalid('too large'),
    );
    for (const size of ['-1', '1e3', '99999999999999999', 'x']) {
      await expect(scene.unpack([{ name: 'x', pax: { size } }])).rejects.toMatchObject(
        invalid('PAX'),
      );
    }
  });

  it('with a wrong sum or number, and malformed records, are refused', async () => {
    const damaged = rawTar([{ name: 'x', data: 'x' }]);
    damaged[0] = 0x79;
    await expect(scene.unpack(damaged)).rejects.toMatchObject(invalid('checksum'));
    const patch = { 100: Buffer.from('9999999\0') };
    await expect(scene.unpack([{ name: 'x', patch }])).rejects.toMatchObject(invalid('number'));
    for (const data of ['5 a=', '3 a\n', '99 a=b\n', 'a=b\n', '6 a=b', '-6 a=b\n', '4 =\n ']) {
      await expect(
        scene.unpack([{ name: 'x', flag: 'x', data }, { name: 'y' }]),
      ).rejects.toMatchObject(invalid('PAX'));
    }
  });

  it('of an unknown kind are refused', async () => {
    await expect(scene.unpack([{ name: 'x', flag: 'Z' }])).rejects.toMatchObject(invalid('kind'));
  });

  it('that are global are ignored, as Go does', async () => {
    const { entries } = await scene.unpack([
      { name: 'global', flag: 'g', data: '12 path=bad\n' },
      { name: 'good', data: '' },
    ]);
    expect(entries).toBe(1);
    expect(scene.content).toEqual({ good: '' });
  });

  it('with owners that no system has are refused', async () => {
    const pax = { uid: '9999999999' };
    if (process.geteuid?.() === 0) {
      await expect(scene.unpack([{ name: 'x', pax }])).rejects.toMatchObject(invalid('uid'));
    } else {
      expect((await scene.unpack([{ name: 'x', pax }])).omissions).toEqual(['owner']);
    }
  });

  it('with times before 1970 and after 2038', async () => {
    await scene.unpack([
      { name: 'old', pax: { mtime: '-1.5' } },
      { name: 'new', pax: { mtime: '4102444800.000001' } },
      { name: 'exact', pax: { mtime: '1700000000.123457' } },
    ]);
    const time = (name: string): bigint =>
      fs.lstatSync(join(scene.root, name), { bigint: true }).mtimeNs / 1000n;
    expect(time('old')).toBe(-1_500_000n);
    expect(time('new')).toBe(4_102_444_800_000_001n);
    expect(time('exact')).toBe(1_700_000_000_123_457n);
  });
});

describe('archives', () => {
  const whole = rawTar([
    { name: 'a', data: 'a'.repeat(700) },
    { name: 'b', pax: { path: 'long' }, data: 'b' },
  ]);

  it('that are truncated anywhere but between entries are refused', async () => {
    // After nothing, a, b, one block of the end marker, and within the second.
    const boundaries = new Set([0, 1536, 3584, 4096, 4352, 4608]);
    // The last entry's padding may be missing, as Go has it.
    const isPadding = (length: number): boolean =>
      (length > 1212 && length < 1536) || (length > 3072 && length < 3584);
    for (let length = 0; length <= whole.length; length += 256) {
      const unpacked = scene.unpack(whole.subarray(0, length));
      if (boundaries.has(length) || isPadding(length)) await unpacked;
      else await expect(unpacked).rejects.toMatchObject(invalid(/truncated|ends in the middle/));
    }
  });

  it('may have anything after their end', async () => {
    const garbage = Buffer.alloc(100_000, 'garbage');
    const again = rawTar([{ name: '../outside/evil', data: 'x' }]);
    await scene.unpack(Buffer.concat([whole, garbage, again]));
    expect(Object.keys(scene.content)).toEqual(['a', 'long']);
  });

  it('of nothing, and of nothing but zeros, are empty layers', async () => {
    for (const size of [0, 512, 10_240]) {
      const nothing = { entries: 0, replacements: 0, omissions: [] };
      expect(await scene.unpack(Buffer.alloc(size))).toEqual(nothing);
    }
  });

  it('that are none are refused', async () => {
    await expect(scene.unpack(Buffer.alloc(2048, 'text'))).rejects.toMatchObject(
      invalid('checksum'),
    );
    await expect(scene.unpack(Buffer.from('short'))).rejects.toMatchObject(invalid('truncated'));
  });

  it('come out the same in chunks of any size', async () => {
    for (const size of [13, 511, 512, 513, 100_000]) {
      const { root } = new Scene();
      await applyLayer(streamOf(whole, size), root, { whiteouts: 'keep' });
      expect(fs.readFileSync(join(root, 'a'), 'utf8')).toBe('a'.repeat(700));
      expect(fs.readFileSync(join(root, 'long'), 'utf8')).toBe('b');
    }
  });

  it('stop at the limits of entries and sizes', async () => {
    await expect(scene.unpack(whole, { maxEntries: 1 })).rejects.toMatchObject({
      code: 'ERR_LAYER_LIMIT',
    });
    await expect(scene.unpack(whole, { maxSize: 700 })).rejects.toMatchObject({
      code: 'ERR_LAYER_LIMIT',
    });
    await expect(
      scene.unpack([
        { name: 's', pax: { 'GNU.sparse.map': '0,0', 'GNU.sparse.size': '9000000000000000' } },
      ]),
    ).rejects.toMatchObject({ code: 'ERR_LAYER_LIMIT' });
  });

  it('stop when they are cancelled, between entries that are all at hand', async () => {
    const many = rawTar(Array.from({ length: 2000 }, (_, index) => ({ name: `f${index}` })));
    const abort = new AbortController();
    const reason = new Error('enough');
    setImmediate(() => abort.abort(reason));
    await expect(
      applyLayer(streamOf(many, many.length), scene.root, {
        whiteouts: 'keep',
        signal: abort.signal,
      }),
    ).rejects.toBe(reason);
    expect(fs.readdirSync(scene.root).length).toBeLessThan(2000);
  });
});

describe('sparse files', () => {
  const data = `${'a'.repeat(512)}${'b'.repeat(100)}`;
  const size = 3_000_000;
  const forms: Record<string, RawEntry> = {
    'in the old GNU form': {
      name: 'sparse',
      flag: 'S',
      data,
      patch: {
        257: Buffer.from('ustar  \0'),
        386: Buffer.concat([
          octal(0, 12),
          octal(512, 12),
          octal(1_000_000, 12),
          octal(60, 12),
          octal(1_500_000, 12),
          octal(0, 12),
          octal(1_600_000, 12),
          octal(0, 12),
          Buffer.from([1]),
          octal(size, 12),
        ]),
      },
      between: Buffer.concat([octal(2_000_000, 12), octal(40, 12), Buffer.alloc(512 - 24)]),
    },
    'of PAX 0.0': {
      name: 'sparse',
      flag: '0',
      data,
      // Its keys repeat: the records are written by hand, ahead of it.
    },
    'of PAX 0.1': {
      name: 'other',
      data,
      pax: {
        'GNU.sparse.map': '0,512,1000000,60,2000000,40',
        'GNU.sparse.size': String(size),
        'GNU.sparse.numblocks': '3',
        'GNU.sparse.name': 'sparse',
      },
    },
    'of PAX 1.0': {
      name: 'GNUSparseFile.0/sparse',
      data: `${'3\n0\n512\n1000000\n60\n2000000\n40\n'.padEnd(512, '\0')}${data}`,
      pax: {
        'GNU.sparse.major': '1',
        'GNU.sparse.minor': '0',
        'GNU.sparse.name': 'sparse',
        'GNU.sparse.realsize': String(size),
      },
    },
  };

  it.each(Object.keys(forms))('%s have their holes', async (form) => {
    const entry = forms[form]!;
    const tar =
      form === 'of PAX 0.0'
        ? [
            paxZero(size, [
              [0, 512],
              [1_000_000, 60],
              [2_000_000, 40],
            ]),
            entry,
          ]
        : [entry];
    await scene.unpack([...tar, { name: 'next', data: 'next' }]);
    const expected = Buffer.alloc(size);
    expected.fill('a', 0, 512).fill('b', 1_000_000, 1_000_060).fill('b', 2_000_000, 2_000_040);
    const file = join(scene.root, 'sparse');
    expect(fs.readFileSync(file).equals(expected)).toBe(true);
    expect(fs.statSync(file).blocks * 512).toBeLessThan(100_000);
    expect(scene.content['next']).toBe('next');
  });

  it.each([
    ['pieces that overlap', '0,512,100,100'],
    ['pieces out of order', '1000,512,0,100'],
    ['pieces beyond the end', '0,512,2999999,100'],
    ['more data than the map says', '0,512'],
    ['less data than the map says', '0,512,1000,101'],
    ['half a pair', '0,512,1000'],
    ['numbers that are none', '0,512,x,100'],
  ])('with %s are refused', async (_, map) => {
    const pax = { 'GNU.sparse.map': map, 'GNU.sparse.size': String(size) };
    await expect(scene.unpack([{ name: 'sparse', data, pax }])).rejects.toMatchObject(
      invalid('sparse'),
    );
  });

  it('with a map of absurd size are refused', async () => {
    const pax = {
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.realsize': '1000',
    };
    const map = Buffer.from(`100000000\n${'0\n'.repeat(1_000_000)}`);
    await expect(scene.unpack([{ name: 'sparse', data: map, pax }])).rejects.toMatchObject(
      invalid('sparse'),
    );
  });
});

describe('devices and pipes', () => {
  const entries = [
    { name: 'null', flag: '3', device: [1, 3] as const, mode: 0o666 },
    { name: 'loop', flag: '4', device: [7, 0] as const },
    { name: 'pipe', flag: '6', mode: 0o620 },
  ];

  it('come out as in the archive, or are named as omissions', async () => {
    const { omissions } = await scene.unpack(entries);
    expect(fs.lstatSync(join(scene.root, 'pipe')).isFIFO()).toBe(true);
    if (omissions.includes('device')) {
      expect(fs.readdirSync(scene.root)).toEqual(['pipe']);
      return;
    }
    const device = fs.lstatSync(join(scene.root, 'null'));
    expect([device.isCharacterDevice(), device.rdev]).toEqual([true, 0x103]);
    expect(fs.lstatSync(join(scene.root, 'loop')).isBlockDevice()).toBe(true);
  });
});

function paxZero(size: number, pieces: readonly (readonly [number, number])[]): RawEntry {
  const records = pieces.flatMap(([offset, length]) => [
    record('GNU.sparse.offset', offset),
    record('GNU.sparse.numbytes', length),
  ]);
  const first = [record('GNU.sparse.size', size), record('GNU.sparse.numblocks', pieces.length)];
  return { name: 'pax', flag: 'x', data: [...first, ...records].join('') };
}

function record(key: string, value: number): string {
  const body = ` ${key}=${value}\n`;
  const length = body.length + 2;
  return `${length}${body}`;
}
