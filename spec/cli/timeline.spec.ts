import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import type { Digest } from '../../src/oci/index.js';
import { cli, startCli } from '../support/cli.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

describe('rxfer pull --timeline', () => {
  let registry: TestRegistry;
  let reference: string;
  let digest: Digest;
  beforeAll(async () => {
    registry = await startRegistry();
    const image = await sampleImage({
      layers: [[{ name: 'a', size: 1000 }], [{ name: 'b', size: 2000 }]],
    });
    registry.addImage('app', 'v1', image);
    digest = image.layers[1]!.digest;
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

  it.each([
    ['html', /<p class="bad">Failed after .*403/],
    ['svg', />Failed after .*403/],
    ['json', /"name":"Failed".*403/],
  ])('writes what happened of a pull that failed, and why: %s', async (ending, content) => {
    const forbidden = registry.inject({
      match: { digest },
      fault: { kind: 'status', status: 403 },
    });
    const file = join(temporaryFolder(), `pull.${ending}`);
    const { code } = await cli('pull', reference, '--store', temporaryFolder(), '--timeline', file);
    forbidden.remove();
    expect(code).toBe(1);
    expect(readFileSync(file, 'utf8')).toMatch(content);
  });

  it('writes which of several images failed, and what was pulled', async () => {
    const missing = `${registry.host}/app:v2`;
    const file = join(temporaryFolder(), 'pull.html');
    const args = ['pull', reference, missing, '--store', temporaryFolder(), '--timeline', file];
    expect((await cli(...args)).code).toBe(1);
    const page = readFileSync(file, 'utf8');
    expect(page.match(/<p class="bad">.*?: Failed/g)).toEqual([
      `<p class="bad">${missing}: Failed`,
    ]);
    expect(page).toContain('<dt>Registered</dt><dd>2 of 2</dd>');
  });

  it('writes what was under way when the user interrupted it', async () => {
    const stalled = registry.inject({ match: { digest }, fault: { kind: 'stall', afterBytes: 9 } });
    const file = join(temporaryFolder(), 'pull.svg');
    const args = ['pull', reference, '--store', temporaryFolder(), '--timeline', file];
    const running = startCli([...args, '--progress', 'json']);
    await until(() => running.stderr().includes('"kind":"layer"'));
    running.process.kill('SIGINT');
    expect((await running.outcome).code).toBe(130);
    stalled.remove();
    const svg = readFileSync(file, 'utf8');
    expect(svg).toContain('>✕ cancelled</text>');
    expect(svg).toContain('>Cancelled after ');
  });

  it('says of a failed pull both why and that the file cannot be written', async () => {
    const file = folderCalled('pull.svg');
    const missing = `${registry.host}/app:v2`;
    const args = ['pull', missing, '--store', temporaryFolder(), '--timeline', file];
    const { code, stderr } = await cli(...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/rxfer: .*v2.*\n(?:.*\n)*rxfer: The timeline can't be written/);
  });

  it('refuses an unknown form at once, and says when a file cannot be written', async () => {
    const unknown = await cli('pull', reference, '--timeline', 'pull.gif');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('.html, .svg, .json');
    const store = temporaryFolder();
    const file = folderCalled('pull.svg');
    const { code, stderr } = await cli('pull', reference, '--store', store, '--timeline', file);
    expect(code).toBe(1);
    expect(stderr).toMatch(/rxfer: The timeline can't be written to .*pull\.svg: EISDIR/);
    expect((await cli('images', '--store', store)).stdout).toContain(reference);
  });

  it('moves nothing where there is no folder for the file', async () => {
    const store = temporaryFolder();
    const file = join(temporaryFolder(), 'no/such/folder.svg');
    const { code, stderr } = await cli('pull', reference, '--store', store, '--timeline', file);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /The timeline can't be written to .*folder\.svg: ENOENT.*\n +Nothing was/,
    );
    expect((await cli('images', '--store', store)).stdout).not.toContain(reference);
  });

  function folderCalled(name: string): string {
    const folder = join(temporaryFolder(), name);
    mkdirSync(folder);
    return folder;
  }
});
