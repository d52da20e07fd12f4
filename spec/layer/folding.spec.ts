import * as fs from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { applyLayer, type AppliedLayer, type ApplyLayerOptions } from '../../src/index.js';
import { mountFoldingCase, mountFoldingForms } from '../support/folding.js';
import { unmountAll } from '../support/loop-mount.js';
import { rawTar, streamOf, type RawEntry } from '../support/raw-tar.js';
import { removeTemporaryFolders } from '../support/temporary-folder.js';
import { contentOf, describeTree } from '../support/tree.js';

/** A file system that folds names, and three names of a file there by a word for all of them. */
interface Folding {
  readonly what: string;
  readonly mount: string | undefined;
  readonly spell: (word: string, spelling: 0 | 1 | 2) => string;
  /** The words of a path. */
  readonly wordsOf: (path: string) => string;
}

const forms = {
  spell: (word: string, spelling: 0 | 1 | 2): string =>
    ['\u00e9_\u00fc', 'e\u0301_u\u0308', '\u00e9_u\u0308'][spelling]?.replace('_', word) ?? '',
  wordsOf: (path: string): string => path.normalize('NFC').replace(/[\u00e9\u00fc]/g, ''),
};
const foldings: readonly Folding[] = [
  {
    what: 'folds case',
    mount: mountFoldingCase(),
    spell: (word, spelling) =>
      [word.charAt(0).toUpperCase() + word.slice(1), word, word.toUpperCase()][spelling] ?? '',
    wordsOf: (path) => path.toLowerCase(),
  },
  { what: 'folds Unicode forms', mount: mountFoldingForms('kept'), ...forms },
  { what: 'has one Unicode form of names', mount: mountFoldingForms('decomposed'), ...forms },
];
afterAll(() => {
  unmountAll();
  removeTemporaryFolders();
});

const omission = 'names that differ in case or form';
const xattr = { 'SCHILY.xattr.user.evil': 'x' };

describe.each(foldings)('a file system that $what', ({ mount, spell, wordsOf }) => {
  const test = mount === undefined ? it.skip : it;
  const first = (word: string): string => spell(word, 0);
  const second = (word: string): string => spell(word, 1);
  const third = (word: string): string => spell(word, 2);
  let root: string;
  let outside: string;
  let before: string[];
  beforeEach(() => {
    const scene = mkdtempSync(join(mount ?? '', 'scene-'));
    root = join(scene, 'root');
    outside = join(scene, 'outside');
    fs.mkdirSync(root);
    fs.mkdirSync(join(outside, 'inner'), { recursive: true, mode: 0o700 });
    fs.writeFileSync(join(outside, 'inner', 'file'), 'precious', { mode: 0o600 });
    before = describeTree(outside);
  });
  afterEach(() => expect(describeTree(outside)).toEqual(before));

  function unpack(
    entries: readonly RawEntry[],
    whiteouts: ApplyLayerOptions['whiteouts'] = 'keep',
  ): Promise<AppliedLayer> {
    return applyLayer(streamOf(rawTar(entries)), root, { whiteouts });
  }

  /** What there is by the words of its names, whatever their spelling. */
  function listed(): Record<string, string> {
    return Object.fromEntries(
      Object.entries(contentOf(root)).map(([path, content]) => [wordsOf(path), content]),
    );
  }

  test('keeps the later of two names, and tells', async () => {
    const { omissions } = await unpack([
      { name: first('readme'), data: 'former' },
      { name: second('readme'), data: 'later' },
      { name: first('à'), data: 'former' },
      { name: second('à'), data: 'later' },
    ]);
    expect(listed()).toEqual({ readme: 'later', à: 'later' });
    expect(omissions).toEqual([omission]);
  });

  test('has no omission where names are the same', async () => {
    const { omissions } = await unpack([
      { name: `${first('dir')}/`, mode: 0o700 },
      { name: `${first('dir')}/${first('file')}`, data: '1' },
      { name: `${first('dir')}/${first('file')}`, data: '2' },
    ]);
    expect([listed(), omissions]).toEqual([{ 'dir/file': '2' }, []]);
  });

  test('makes one folder of two, which is as the later entry has it', async () => {
    const { omissions } = await unpack([
      { name: `${first('dir')}/`, mode: 0o700, mtime: 1_000_000_000 },
      { name: `${first('dir')}/one`, data: '1' },
      { name: `${second('dir')}/`, mode: 0o711, mtime: 1_100_000_000 },
      { name: `${third('dir')}/two`, data: '2' },
    ]);
    expect(listed()).toEqual({ 'dir/one': '1', 'dir/two': '2' });
    const { mode, mtimeMs } = fs.statSync(join(root, first('dir')));
    expect([mode & 0o777, mtimeMs]).toEqual([0o711, 1_100_000_000_000]);
    expect(omissions).toEqual([omission]);
  });

  test('leads nowhere by a link that takes the place of a folder under another name', async () => {
    await unpack([
      { name: `${first('dir')}/`, mode: 0o777, mtime: 1, pax: xattr },
      { name: `${first('dir')}/inner/`, mode: 0o777, mtime: 1, pax: xattr },
      { name: `${first('dir')}/inner/file`, data: 'x', mode: 0o777, pax: xattr },
      { name: second('dir'), flag: '2', linkname: outside },
      { name: `${first('dir')}/inner/file`, data: 'evil' },
      { name: `${third('dir')}/evil`, data: 'evil' },
    ]);
    expect(fs.readlinkSync(join(root, second('dir')))).toBe(outside);
  });

  test('leads nowhere by a link whose folder is found under another name', async () => {
    await unpack([
      { name: `${first('a')}/${first('dir')}/inner/`, mode: 0o777, mtime: 1, pax: xattr },
      { name: `${second('a')}/${second('dir')}/inner/`, mode: 0o777, mtime: 1, pax: xattr },
      { name: `${second('a')}/${second('dir')}`, flag: '2', linkname: outside },
    ]);
    expect(fs.readlinkSync(join(root, first('a'), second('dir')))).toBe(outside);
  });

  test('leaves what takes a place without what was noted of it under another name', async () => {
    await unpack([
      { name: `${first('dir')}/`, mode: 0o700, mtime: 1, pax: xattr },
      { name: second('dir'), data: 'file', mode: 0o640, mtime: 1_000_000_000 },
      { name: `${first('sub')}/${first('dir')}/`, mode: 0o700, mtime: 1, pax: xattr },
      {
        name: `${second('sub')}/${second('dir')}`,
        data: 'file',
        mode: 0o640,
        mtime: 1_000_000_000,
      },
    ]);
    for (const name of [second('dir'), `${first('sub')}/${second('dir')}`]) {
      const { mode, mtimeMs } = fs.statSync(join(root, name));
      expect([name, mode & 0o777, mtimeMs]).toEqual([name, 0o640, 1_000_000_000_000]);
    }
  });

  test('has hard links to what they fall together with', async () => {
    const { omissions } = await unpack([
      { name: second('file'), data: 'x' },
      { name: third('file'), flag: '1', linkname: second('file') },
      { name: 'other', flag: '1', linkname: first('file') },
    ]);
    expect(listed()).toEqual({ file: 'x', other: 'x' });
    expect(omissions).toEqual([omission]);
  });

  test('hides by whiteouts what is below, and nothing of the same layer', async () => {
    await unpack([
      { name: first('below'), data: '1' },
      { name: `${first('opaque')}/${second('below')}`, data: '1' },
      { name: `${first('dir')}/${second('below')}`, data: '1' },
    ]);
    await unpack(
      [
        { name: `.wh.${third('below')}` },
        { name: second('own'), data: '2' },
        { name: `.wh.${third('own')}` },
        { name: `${second('opaque')}/`, mode: 0o711 },
        { name: `${third('opaque')}/${second('own')}`, data: '2' },
        { name: `${second('opaque')}/.wh..wh..opq` },
        { name: `${second('dir')}/${second('own')}`, data: '2' },
        { name: `.wh.${third('dir')}` },
      ],
      'apply',
    );
    expect(listed()).toEqual({ own: '2', 'opaque/own': '2', 'dir/own': '2' });
  });
});
