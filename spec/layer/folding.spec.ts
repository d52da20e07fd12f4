import * as fs from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { applyLayer, type AppliedLayer, type ApplyLayerOptions } from '../../src/index.js';
import { mountFolding } from '../support/folding.js';
import { unmountAll } from '../support/loop-mount.js';
import { rawTar, streamOf, type RawEntry } from '../support/raw-tar.js';
import { removeTemporaryFolders } from '../support/temporary-folder.js';
import { contentOf, describeTree } from '../support/tree.js';

const mount = mountFolding();
afterAll(() => {
  unmountAll();
  removeTemporaryFolders();
});

const omission = 'names that differ in case or form';
const xattr = { 'SCHILY.xattr.user.evil': 'x' };

(mount === undefined ? describe.skip : describe)('a file system that folds case', () => {
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

  /** In lower case, as this file system lists names, however they were written. */
  function listed(): Record<string, string> {
    return Object.fromEntries(
      Object.entries(contentOf(root)).map(([name, content]) => [name.toLowerCase(), content]),
    );
  }

  it('keeps the later of two names, and tells', async () => {
    const { omissions } = await unpack([
      { name: 'README', data: 'upper' },
      { name: 'readme', data: 'lower' },
      { name: 'É', data: 'upper' },
      { name: 'é', data: 'lower' },
    ]);
    expect(listed()).toEqual({ readme: 'lower', é: 'lower' });
    expect(omissions).toEqual([omission]);
  });

  it('has no omission where names are the same', async () => {
    const { omissions } = await unpack([
      { name: 'Dir/', mode: 0o700 },
      { name: 'Dir/File', data: '1' },
      { name: 'Dir/File', data: '2' },
    ]);
    expect([listed(), omissions]).toEqual([{ 'dir/file': '2' }, []]);
  });

  it('makes one folder of two, which is as the later entry has it', async () => {
    const { omissions } = await unpack([
      { name: 'Dir/', mode: 0o700, mtime: 1_000_000_000 },
      { name: 'Dir/one', data: '1' },
      { name: 'dir/', mode: 0o711, mtime: 1_100_000_000 },
      { name: 'DIR/two', data: '2' },
    ]);
    expect(listed()).toEqual({ 'dir/one': '1', 'dir/two': '2' });
    const { mode, mtimeMs } = fs.statSync(join(root, 'Dir'));
    expect([mode & 0o777, mtimeMs]).toEqual([0o711, 1_100_000_000_000]);
    expect(omissions).toEqual([omission]);
  });

  it('leads nowhere by a link that takes the place of a folder under another name', async () => {
    await unpack([
      { name: 'Dir/', mode: 0o777, mtime: 1, pax: xattr },
      { name: 'Dir/inner/', mode: 0o777, mtime: 1, pax: xattr },
      { name: 'Dir/inner/file', data: 'x', mode: 0o777, pax: xattr },
      { name: 'dir', flag: '2', linkname: outside },
      { name: 'Dir/inner/file', data: 'evil' },
      { name: 'DIR/evil', data: 'evil' },
    ]);
    expect(fs.readlinkSync(join(root, 'dir'))).toBe(outside);
  });

  it('leads nowhere by a link whose folder is found under another name', async () => {
    await unpack([
      { name: 'a/Dir/inner/', mode: 0o777, mtime: 1, pax: xattr },
      { name: 'A/dir/inner/', mode: 0o777, mtime: 1, pax: xattr },
      { name: 'A/dir', flag: '2', linkname: outside },
    ]);
    expect(fs.readlinkSync(join(root, 'a', 'dir'))).toBe(outside);
  });

  it('leaves what takes a place without what was noted of it under another name', async () => {
    await unpack([
      { name: 'Dir/', mode: 0o700, mtime: 1, pax: xattr },
      { name: 'dir', data: 'file', mode: 0o640, mtime: 1_000_000_000 },
      { name: 'Sub/Dir/', mode: 0o700, mtime: 1, pax: xattr },
      { name: 'sub/dir', data: 'file', mode: 0o640, mtime: 1_000_000_000 },
    ]);
    for (const name of ['dir', 'Sub/dir']) {
      const { mode, mtimeMs } = fs.statSync(join(root, name));
      expect([name, mode & 0o777, mtimeMs]).toEqual([name, 0o640, 1_000_000_000_000]);
    }
  });

  it('has hard links to what they fall together with', async () => {
    const { omissions } = await unpack([
      { name: 'file', data: 'x' },
      { name: 'FILE', flag: '1', linkname: 'file' },
      { name: 'other', flag: '1', linkname: 'File' },
    ]);
    expect(listed()).toEqual({ file: 'x', other: 'x' });
    expect(omissions).toEqual([omission]);
  });

  it('hides by whiteouts what is below, and nothing of the same layer', async () => {
    await unpack([
      { name: 'Below', data: '1' },
      { name: 'Opaque/below', data: '1' },
      { name: 'Dir/below', data: '1' },
    ]);
    await unpack(
      [
        { name: '.wh.BELOW' },
        { name: 'own', data: '2' },
        { name: '.wh.OWN' },
        { name: 'opaque/', mode: 0o711 },
        { name: 'OPAQUE/own', data: '2' },
        { name: 'opaque/.wh..wh..opq' },
        { name: 'dir/own', data: '2' },
        { name: '.wh.DIR' },
      ],
      'apply',
    );
    expect(listed()).toEqual({ own: '2', 'opaque/own': '2', 'dir/own': '2' });
  });
});
