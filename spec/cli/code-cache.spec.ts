import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { sampleImage, startRegistry } from '../../src/testing/index.js';
import { startCli } from '../support/cli.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

afterAll(removeTemporaryFolders);

/** From version 22 on, Node keeps what it compiles, and removes none of it. */
const keptByNode = 'enableCompileCache' in nodeModule;

let cacheHome: string;
let folder: string;

beforeEach(() => {
  cacheHome = temporaryFolder();
  folder = join(cacheHome, 'rxfer/code');
});

/** Runs the command line with a place for its code, and returns what it printed. */
async function run(args: readonly string[], disabled = ''): Promise<string> {
  const environment = { XDG_CACHE_HOME: cacheHome, NODE_DISABLE_COMPILE_CACHE: disabled };
  const { code, stdout, stderr } = await startCli(args, environment).outcome;
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

/** Every file of the cache, with the hash of what it holds. */
function kept(): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const file = join(parentPath, name);
      return [file, hashOf(readFileSync(file))];
    }),
  );
}

/** As if the last look at what is kept was longer ago. */
function ageLooks(): void {
  const looks = readdirSync(folder).filter((name) => name.startsWith('looks-'));
  expect(looks).toHaveLength(1);
  const past = Date.now() / 1000 - 15;
  for (const name of looks) utimesSync(join(folder, name), past, past);
}

function keptBytes(): number {
  return Object.keys(kept()).reduce((sum, file) => sum + statSync(file).size, 0);
}

function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

describe('the code that V8 made of the command line', () => {
  it('is kept for its user alone, and not made anew by the next run', async () => {
    const first = await run(['--help']);
    const before = kept();
    expect(Object.keys(before).length).toBeGreaterThan(1);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(await run(['--help'])).toBe(first);
    expect(kept()).toEqual(before);
  });

  it('is made anew where it is damaged', async () => {
    const first = await run(['--help']);
    const before = kept();
    for (const file of Object.keys(before)) writeFileSync(file, 'damaged');
    expect(await run(['--help'])).toBe(first);
    const after = kept();
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(Object.values(after)).not.toContain(hashOf('damaged'));
  });

  (keptByNode ? it.skip : it)('grows where the first run failed, after a while', async () => {
    const registry = await startRegistry();
    try {
      const environment = { XDG_CACHE_HOME: cacheHome, NODE_DISABLE_COMPILE_CACHE: '' };
      const reference = `${registry.host}/app:v1`;
      const args = ['pull', reference, '--progress', 'none', '--store', join(cacheHome, 'store')];
      expect((await startCli(args, environment).outcome).code).not.toBe(0);
      const first = kept();
      const size = keptBytes();
      registry.addImage(
        'app',
        'v1',
        await sampleImage({ layers: [[{ name: 'data', size: 100 }]] }),
      );
      await run(args);
      expect(kept()).toEqual(first);
      ageLooks();
      await run(args);
      const grown = keptBytes();
      expect(grown).toBeGreaterThan(size);
      ageLooks();
      await run(args);
      // It is looked at again, and found to be enough.
      expect(keptBytes()).toBe(grown + 1);
    } finally {
      await registry.close();
    }
  });

  it.each([
    ['its folder', () => folder],
    ['the one above', () => dirname(folder)],
    ['the whole cache', () => cacheHome],
  ])('is not taken from where others can write: %s', async (_, shared) => {
    mkdirSync(folder, { recursive: true });
    chmodSync(shared(), 0o777);
    await run(['--help']);
    expect(kept()).toEqual({});
  });

  it('is kept below a folder in which nobody can rename what others own', async () => {
    chmodSync(cacheHome, 0o1777);
    await run(['--help']);
    expect(kept()).not.toEqual({});
  });

  it('is removed when it is old, once something new is kept', async () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const [old, recent] = [join(folder, 'old'), join(folder, 'recent')];
    for (const file of [old, recent]) writeFileSync(file, '');
    utimesSync(old, 0, 0);
    await run(['--help']);
    expect([existsSync(old), existsSync(recent)]).toEqual([keptByNode, true]);
  });

  it('is not kept where that is not wanted', async () => {
    await run(['--help'], '1');
    expect(existsSync(folder)).toBe(false);
  });

  it('is done without where nothing can be kept', async () => {
    mkdirSync(dirname(folder), { recursive: true });
    writeFileSync(folder, 'a file');
    expect(await run(['--help'])).toContain('Usage: rxfer');
  });
});
