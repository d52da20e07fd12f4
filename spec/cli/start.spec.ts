import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliModules, startCli } from '../support/cli.js';
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
