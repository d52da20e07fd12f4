import { lastValueFrom } from 'rxjs';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { docker, startDocker } from '../support/docker.js';
import { startEngine, type RunningEngine } from '../support/engine.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders } from '../support/temporary-folder.js';

describeWithPeers(['docker'], "docker's client on many images", () => {
  let registry: TestRegistry;
  let running: RunningEngine;
  const digests = new Map<string, string>();
  const run = (...args: string[]): Promise<string> => docker(running.host, ...args);
  const failed = async (...args: string[]): Promise<string> =>
    (await startDocker(running.host, args).outcome).stderr;
  const repository = (): string => `${registry.host}/team/app`;
  const tags = async (...args: string[]): Promise<string[]> =>
    (await run('images', '--format', '{{.Tag}}', ...args)).split('\n').filter(Boolean).sort();

  beforeAll(async () => {
    registry = await startRegistry();
    const base = [{ name: 'base', size: 300_000 }];
    for (const tag of ['v1', 'v2']) {
      const image = await sampleImage({ layers: [base, [{ name: tag, size: 100_000 }]] });
      digests.set(tag, image.descriptor.digest);
      registry.addImage('team/app', tag, image);
    }
  });
  beforeEach(async () => (running = await startEngine()));
  afterEach(() => running.close());
  afterAll(async () => {
    await registry.close();
    removeTemporaryFolders();
  });

  it('pulls all tags of a repository, and each layer once', async () => {
    const served = registry.bytesServed();
    const pulled = await run('pull', '--all-tags', repository());
    expect(pulled).toContain('v1: Pulling from team/app');
    expect(pulled).toContain(`Status: Downloaded newer image for ${repository()}:v2`);
    expect(await tags()).toEqual(['v1', 'v2']);
    // The base is shared.
    expect(registry.bytesServed() - served).toBeLessThan(510_000);
    expect(await failed('pull', '--all-tags', `${registry.host}/none`)).toMatch(
      /^Error response from daemon: .* answered 404 not found/,
    );
  }, 60_000);

  it('shows what images take together, and what is shared', async () => {
    await run('pull', '--all-tags', repository());
    const rows = await run('system', 'df', '--format', '{{.Type}}: {{.TotalCount}}, {{.Size}}');
    const [first] = rows.split('\n');
    expect(first).toBe('Images: 2, 505.3kB');
    const sizes = await run('system', 'df', '-v', '--format', 'json');
    expect(sizes).toContain('"SharedSize":"301.6kB","Size":"403kB"');
  }, 60_000);

  it('prunes images that have no tag, or all that fit', async () => {
    await run('pull', '--all-tags', repository());
    await run('pull', `${repository()}@${digests.get('v1')}`);
    await run('rmi', `${repository()}:v1`);
    expect(await tags('--filter', 'dangling=true')).toEqual(['<none>']);
    const pruned = await run('image', 'prune', '--force');
    expect(pruned).toContain(`untagged: ${repository()}@${digests.get('v1')}`);
    // On the disk: the layer's file, its blob, and the documents.
    expect(pruned).toMatch(/Total reclaimed space: 2\d\d(?:\.\d)?kB/);
    expect(await tags()).toEqual(['v2']);
    const all = ['image', 'prune', '--force', '--all'];
    expect(await run(...all, '--filter', 'label=none')).toBe('Total reclaimed space: 0B\n');
    expect(await run(...all, '--filter', 'label!=none', '--filter', 'until=1h30m')).toContain(
      `untagged: ${repository()}:v2`,
    );
    expect(await running.store.usage()).toMatchObject({ blobs: { count: 0 } });
    expect(await failed(...all, '--filter', 'until=never')).toContain("'never' is no time");
  }, 60_000);

  it('prunes nothing that a pull is bringing', async () => {
    const event$ = running.rxfer.pull(`${repository()}:v1`);
    const pulled = lastValueFrom(event$);
    await run('image', 'prune', '--force', '--all');
    const event = await pulled;
    if (event.kind === 'result') event.release();
    const pull = await run('pull', `${repository()}:v1`);
    expect(pull).toContain('Image is up to date');
  }, 60_000);

  it('is told what rxfer does not do, rather than that something is missing', async () => {
    await run('pull', `${repository()}:v1`);
    expect(await failed('ps')).toBe(
      'Error response from daemon: rxfer moves images and has no containers\n',
    );
    // A 404 would have the client pull it.
    const pulls = registry.requests.length;
    expect(await failed('run', `${repository()}:v1`)).toContain('has no containers');
    expect(registry.requests).toHaveLength(pulls);
    expect(await failed('volume', 'ls')).toContain('has no volumes');
    expect(await failed('search', 'app')).toContain('rxfer searches no registry');
    expect(await failed('import', process.execPath)).toContain('rxfer moves images and makes none');
    // Looks for a container of that name first.
    const name = `${repository()}@${digests.get('v1')}`;
    expect(await run('inspect', '-f', '{{.Os}}', name)).toBe('linux\n');
  }, 60_000);
});
