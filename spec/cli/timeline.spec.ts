import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { cli } from '../support/cli.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

describe('rxfer pull --timeline', () => {
  let registry: TestRegistry;
  let reference: string;
  beforeAll(async () => {
    registry = await startRegistry();
    const image = await sampleImage({
      layers: [[{ name: 'a', size: 1000 }], [{ name: 'b', size: 2000 }]],
    });
    registry.addImage('app', 'v1', image);
    reference = `${registry.host}/app:v1`;
  });
  afterAll(async () => {
    await registry.close();
    removeTemporaryFolders();
  });

  it.each([
    ['html', /^<!doctype html>/, /<title>Downloading/],
    ['svg', /^<svg /, /<title>Downloading/],
    ['json', /^\{"traceEvents":\[/, /"name":"Downloading"/],
  ])('writes a file in the form that its ending says: %s', async (ending, begin, content) => {
    const file = join(temporaryFolder(), `pull.${ending}`);
    const args = ['pull', reference, '--store', temporaryFolder(), '--timeline', file];
    expect((await cli(...args)).code).toBe(0);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(begin);
    expect(text).toMatch(content);
    expect(text).toContain(reference);
  });

  it('writes what happened of a pull that failed', async () => {
    const forbidden = registry.inject({
      match: { path: /blobs/ },
      fault: { kind: 'status', status: 403 },
    });
    const file = join(temporaryFolder(), 'pull.svg');
    const { code } = await cli('pull', reference, '--store', temporaryFolder(), '--timeline', file);
    forbidden.remove();
    expect(code).toBe(1);
    expect(readFileSync(file, 'utf8')).toContain('</svg>');
  });

  it('refuses an unknown form at once, and says when a file cannot be written', async () => {
    const unknown = await cli('pull', reference, '--timeline', 'pull.gif');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('.html, .svg, .json');
    const store = temporaryFolder();
    const file = join(temporaryFolder(), 'no/such/folder.svg');
    const { code, stderr } = await cli('pull', reference, '--store', store, '--timeline', file);
    expect(code).toBe(1);
    expect(stderr).toMatch(/rxfer: The timeline can't be written to .*folder\.svg: ENOENT/);
    expect((await cli('images', '--store', store)).stdout).toContain(reference);
  });
});
