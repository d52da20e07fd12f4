import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampleImage } from '../../src/testing/index.js';
import { compileChildProgram, type ChildProgram } from '../support/child-program.js';
import { cliModules, startCli } from '../support/cli.js';
import { closeAll, openRegistry } from '../support/loopback.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const root = join(__dirname, '../..');

afterAll(removeTemporaryFolders);

/** The packages and the rooms of which a run of the command line has loaded code. */
async function loadedBy(...args: string[]): Promise<string[]> {
  const folder = temporaryFolder();
  await startCli(args, { NODE_V8_COVERAGE: folder }, '', cliModules).outcome;
  const files = readdirSync(folder).map((file) => join(folder, file));
  const urls = files.flatMap((file) => {
    const { result } = JSON.parse(readFileSync(file, 'utf8')) as { result: { url: string }[] };
    return result.map(({ url }) => url);
  });
  const ours = urls.filter((url) => url.startsWith(`file://${root}/`));
  return [
    ...new Set(ours.map((url) => /(?:node_modules|dist\/esm)\/([^/]+)/.exec(url)?.[1] ?? url)),
  ];
}

describe('what is loaded by', () => {
  it.each([
    ['--version'],
    ['--help'],
    ['help', 'pull'],
    ['pull', '--help'],
    ['pull'],
    ['pull', 'alpine', '--no-such-option'],
    ['completion', 'bash'],
    ['man'],
  ])('rxfer %s %s is the command line alone', async (...args) => {
    expect((await loadedBy(...args)).sort()).toEqual(['cli', 'commander']);
  });

  it('rxfer images is the store, and nothing of what speaks to registries', async () => {
    const loaded = await loadedBy('images', '--store', temporaryFolder());
    expect(loaded).toContain('layer');
    for (const name of ['undici', 'registry', 'image', 'log-update']) {
      expect(loaded).not.toContain(name);
    }
  });

  it('rxfer pull is not what tests, and without a terminal not what draws', async () => {
    const loaded = await loadedBy('pull', '127.0.0.1:1/none', '--store', temporaryFolder());
    expect(loaded).toContain('undici');
    for (const name of ['testing', 'log-update', 'tar-stream']) expect(loaded).not.toContain(name);
  });
});

describe("Node's own modules", () => {
  let watcher: ChildProgram;
  let host: string;
  beforeAll(async () => {
    watcher = compileChildProgram('watch-flags');
    const registry = await openRegistry();
    registry.addImage('app', 'v1', await sampleImage({ layers: [[{ name: 'file', size: 1000 }]] }));
    host = registry.host;
  });
  afterAll(async () => {
    await closeAll();
    watcher.remove();
  });

  it.each([
    'pull $/app:v1 --store @',
    'copy $/app:v1 oci:@/layout:v1 --store @',
    'copy $/app:v1 docker-archive:@/tar:app:v1 --store @',
    'unpack docker://$/app:v1 @/root --store @',
    'images --store @',
    'tags $/app',
  ])('are loaded before flags of V8 make it compile them anew: rxfer %s', async (line) => {
    const folder = temporaryFolder();
    const file = join(temporaryFolder(), 'late');
    const args = line.split(' ').map((each) => each.replace('$', host).replace('@', folder));
    const environment = { NODE_OPTIONS: `--require ${watcher.file}`, RXFER_SPEC_FLAGS: file };
    expect(await startCli(args, environment).outcome).toMatchObject({ code: 0 });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual([]);
  });
});
