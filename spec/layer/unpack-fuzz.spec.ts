import fc from 'fast-check';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { applyLayer, RxferError, StoreError } from '../../src/index.js';
import { rawTar, streamOf, type RawEntry } from '../support/raw-tar.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { describeTree } from '../support/tree.js';

afterAll(removeTemporaryFolders);

const folder = temporaryFolder();
const root = join(folder, 'inner', 'root');
const outside = join(folder, 'inner', 'outside');

/** Milliseconds: a machine that is busy with other things does fewer. */
const longEnough = 90_000;

/** Few names, so that entries meet each other, and many ways out. */
const component = fc.constantFrom(
  'a',
  'b',
  'c',
  'A',
  '..',
  '.',
  '',
  'outside',
  'root',
  'deep',
  '\u00e9',
);
const path = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.array(component, { minLength: 1, maxLength: 4 }).map((c) => c.join('/')),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      outside,
      `${outside}/file`,
      `${outside}/deep/file`,
      '../outside',
      '../outside/file',
      '../../../../../../../../etc',
      '/',
      'a/../../outside/file',
      'a/b/../../../outside',
      `${root}/../outside/file`,
      '/proc/self/cwd',
      '/proc/self/root',
    ),
  },
);
const whiteout = fc
  .tuple(path, fc.constantFrom('.wh.a', '.wh.b', '.wh.outside', '.wh..wh..opq', '.wh.file'))
  .map((both) => both.join('/'));
const hostile: fc.Arbitrary<RawEntry> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ name: path, data: fc.constantFrom('', 'evil') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      name: path,
      flag: fc.constant('5'),
      mode: fc.constantFrom(0o777, 0o700),
    }),
  },
  { weight: 4, arbitrary: fc.record({ name: path, flag: fc.constant('2'), linkname: path }) },
  { weight: 3, arbitrary: fc.record({ name: path, flag: fc.constant('1'), linkname: path }) },
  { weight: 2, arbitrary: fc.record({ name: whiteout }) },
  {
    weight: 2,
    arbitrary: fc.record({
      name: fc.constant('x'),
      flag: fc.constantFrom('0', '1', '2', '5'),
      pax: fc.record({ path, linkpath: path, mtime: fc.constantFrom('1', '-1', '1e9', '2.5') }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ name: path, flag: fc.constantFrom('7', '\0', 'S', 'Z', 'g') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      name: path,
      data: fc.constant('x'),
      size: fc.constantFrom(0, 1, 600, 4096),
    }),
  },
);

function scene(): string[] {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(root, { recursive: true });
  fs.mkdirSync(join(outside, 'deep'), { recursive: true });
  fs.writeFileSync(join(outside, 'file'), 'precious');
  fs.writeFileSync(join(outside, 'deep', 'file'), 'precious too');
  fs.symlinkSync('deep', join(outside, 'a'));
  return surroundings();
}

function surroundings(): string[] {
  return describeTree(folder).filter((line) => !line.startsWith('inner/root'));
}

/** What the archive is to blame for; anything else is a fault of ours. */
async function unpack(entries: readonly RawEntry[], whiteouts: 'apply' | 'keep'): Promise<void> {
  try {
    await applyLayer(streamOf(rawTar(entries)), root, { whiteouts });
  } catch (error) {
    if (!(error instanceof RxferError) || error instanceof StoreError) throw error;
  }
}

/** Everything that a name or link of the layers may lead to, outside the folder too. */
function watched(): unknown[] {
  return ['/etc', '/', '/tmp/..', folder].map((place) => {
    const { mode, uid, gid } = fs.statSync(place);
    return [place, mode, uid, gid, place === '/etc' ? fs.readdirSync(place) : []];
  });
}

it.each(['keep', 'apply'] as const)(
  'thousands of hostile layers, two upon another, leave what is around them alone (%s)',
  async (whiteouts) => {
    const before = scene();
    const machine = watched();
    const layer = fc.array(hostile, { minLength: 1, maxLength: 14 });
    await fc.assert(
      fc.asyncProperty(layer, layer, async (lower, upper) => {
        fs.rmSync(root, { recursive: true, force: true });
        fs.mkdirSync(root);
        await unpack(lower, whiteouts);
        await unpack(upper, whiteouts);
        // The folder of the root was given a new root, which changed its time.
        fs.utimesSync(join(folder, 'inner'), 1, 1);
        const after = surroundings().filter((line) => !line.startsWith('inner d'));
        expect(after).toEqual(before.filter((line) => !line.startsWith('inner d')));
      }),
      { numRuns: 600, interruptAfterTimeLimit: longEnough },
    );
    expect(watched()).toEqual(machine);
  },
  180_000,
);

it('thousands of damaged archives end in a word about the archive', async () => {
  const good = rawTar([
    { name: 'a/', mode: 0o700 },
    { name: 'a/file', data: 'x'.repeat(600), pax: { mtime: '1.5', 'SCHILY.xattr.user.a': 'b' } },
    { name: 'link', flag: '2', linkname: 'a' },
    { name: 'sparse', data: 'x', pax: { 'GNU.sparse.map': '9,1', 'GNU.sparse.size': '10' } },
  ]);
  const before = scene();
  const damage = fc.array(
    fc.tuple(fc.nat(good.length - 1), fc.constantFrom(0, 0x20, 0x2e, 0x2f, 0x30, 0x37, 0x80, 0xff)),
    { minLength: 1, maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(damage, fc.boolean(), async (changes, isSumRight) => {
      const bytes = Buffer.from(good);
      for (const [place, value] of changes) bytes[place] = value;
      if (isSumRight)
        for (let start = 0; start < bytes.length; start += 512)
          sumUp(bytes.subarray(start, start + 512));
      fs.rmSync(root, { recursive: true, force: true });
      fs.mkdirSync(root);
      try {
        await applyLayer(streamOf(bytes), root, { whiteouts: 'keep', maxSize: 1e9 });
      } catch (error) {
        if (!(error instanceof RxferError)) throw error;
        expect(error.code).toMatch(/^ERR_(?:INVALID_LAYER|LAYER_LIMIT)$/);
      }
    }),
    { numRuns: 600, interruptAfterTimeLimit: longEnough },
  );
  expect(surroundings().slice(1)).toEqual(before.slice(1));
}, 180_000);

/** Makes a header's sum right again, so that what is wrong in it gets further. */
function sumUp(block: Buffer): void {
  if (block.toString('latin1', 257, 262) !== 'ustar') return;
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
