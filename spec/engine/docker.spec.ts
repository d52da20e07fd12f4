import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseManifest } from '../../src/oci/index.js';
import {
  sampleImage,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { docker, startDocker } from '../support/docker.js';
import { startEngine, type RunningEngine } from '../support/engine.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

describeWithPeers(['docker'], "docker's own client", () => {
  let registry: TestRegistry;
  let running: RunningEngine;
  let image: SampleImage;
  let id: string;
  const run = (...args: string[]): Promise<string> => docker(running.host, ...args);

  beforeAll(async () => {
    registry = await startRegistry();
    image = await sampleImage({
      layers: [
        [{ name: 'etc/' }, { name: 'etc/os', content: 'sample' }],
        [{ name: 'app', size: 200_000 }],
      ],
    });
    id = parseManifest([...image.manifests.values()][0]!.bytes).config.digest;
    registry.addImage('team/app', 'v1', image);
  });
  beforeEach(async () => (running = await startEngine()));
  afterEach(() => running.close());
  afterAll(async () => {
    await registry.close();
    removeTemporaryFolders();
  });

  it('pulls, shows and removes an image', async () => {
    const reference = `${registry.host}/team/app:v1`;
    const pulled = await run('pull', reference);
    expect(pulled).toContain('v1: Pulling from team/app');
    expect(pulled).toContain(`Status: Downloaded newer image for ${reference}`);
    expect(await run('pull', reference)).toContain(`Status: Image is up to date for ${reference}`);

    const format = '{{.Repository}} {{.Tag}} {{.ID}} {{.Digest}} {{.Size}}';
    const row = `${registry.host}/team/app v1 ${id} ${image.descriptor.digest} 204kB\n`;
    const list = (...args: string[]): Promise<string> =>
      run('images', '--no-trunc', '--digests', '--format', format, ...args);
    expect(await list()).toBe(row);
    expect(await list(`${registry.host}/team/*`)).toBe(row);
    expect(await list(`${registry.host}/*`)).toBe('');
    expect(await list('--filter', 'dangling=true')).toBe('');

    const [inspected] = JSON.parse(await run('inspect', reference)) as [Record<string, unknown>];
    expect(inspected).toMatchObject({
      Id: id,
      RepoTags: [reference],
      RepoDigests: [`${registry.host}/team/app@${image.descriptor.digest}`],
      Architecture: 'amd64',
      Os: 'linux',
      RootFS: { Type: 'layers', Layers: image.diffIDs },
    });
    expect(await run('inspect', '-f', '{{.Id}}', id.slice(7, 19))).toBe(`${id}\n`);
    expect((await run('history', '-q', reference)).trim().split('\n')).toHaveLength(2);

    expect(await run('rmi', reference)).toMatch(
      new RegExp(`^Untagged: ${reference}\nDeleted: ${id}\nDeleted: sha256:`),
    );
    expect(await list()).toBe('');
    // What no image needs is gone too.
    expect(await running.store.usage()).toMatchObject({
      layers: { count: 0 },
      blobs: { count: 0 },
    });
  }, 60_000);

  it('tags and pushes', async () => {
    await run('pull', `${registry.host}/team/app:v1`);
    const [first, second] = [`${registry.host}/other/app:v2`, `${registry.host}/other/app:v3`];
    await run('tag', `${registry.host}/team/app:v1`, first);
    await run('tag', id, second);
    const { digest, size } = image.descriptor;
    expect(await run('push', first)).toContain(`v2: digest: ${digest} size: ${size}`);
    await run('push', '--all-tags', `${registry.host}/other/app`);
    expect(registry.repository('other/app').tags.get('v3')).toBe(digest);
    await expect(run('rmi', id)).rejects.toThrow(/is the image of several names/);
    expect(await run('rmi', '--force', id)).toContain(`Deleted: ${id}`);
  }, 60_000);

  it('saves to an archive that it loads again, compressed or not', async () => {
    const reference = `${registry.host}/team/app:v1`;
    await run('pull', reference);
    await run('tag', reference, 'short:v2');
    const archive = join(temporaryFolder(), 'saved.tar');
    await run('save', '-o', archive, reference, 'short:v2');
    const plain = readFileSync(archive);
    writeFileSync(`${archive}.gz`, gzipSync(plain, { level: 1 }));
    for (const file of [archive, `${archive}.gz`]) {
      await run('rmi', reference, 'short:v2');
      expect(await run('images', '-q')).toBe('');
      const loaded = await run('load', '-i', file);
      expect(loaded).toBe(`Loaded image: ${reference}\nLoaded image: short:v2\n`);
      expect(await run('inspect', '-f', '{{.Id}} {{.RootFS.Layers}}', 'short:v2')).toBe(
        `${id} [${image.diffIDs.join(' ')}]\n`,
      );
    }
    writeFileSync(archive, plain.subarray(0, 60_000));
    await expect(run('load', '-i', archive)).rejects.toThrow(/can't be used: it is truncated/);
    writeFileSync(archive, Buffer.from('no tar at all'.repeat(100)));
    await expect(run('load', '-i', archive)).rejects.toThrow(/can't be used/);
  }, 60_000);

  it('loads an image without a name, which is there by its id until it is gone', async () => {
    const reference = `${registry.host}/team/app:v1`;
    await run('pull', reference);
    const archive = join(temporaryFolder(), 'saved.tar');
    await run('save', '-o', archive, id);
    await run('rmi', reference);
    expect(await run('load', '-i', archive)).toBe(`Loaded image ID: ${id}\n`);
    const format = '{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}}';
    const list = (...args: string[]): Promise<string> =>
      run('images', '--no-trunc', '--digests', '--format', format, ...args);
    expect(await list()).toBe(`<none> <none> <none> ${id}\n`);
    expect(await list('--filter', 'dangling=true')).toContain(id);
    expect(await list('unnamed.invalid/*')).toBe('');
    expect(await run('inspect', '-f', '{{.RepoTags}} {{.RepoDigests}}', id)).toBe('[] []\n');

    // With a name it is like any other: gone with the last one.
    await run('tag', id, 'short:v2');
    expect(await list()).toMatch(new RegExp(`^short v2 sha256:[0-9a-f]{64} ${id}\n$`));
    expect(await run('rmi', 'short:v2')).toMatch(
      new RegExp(`^Untagged: short:v2\nDeleted: ${id}\nDeleted: sha256:`),
    );
    expect(await list()).toBe('');

    await run('load', '-i', archive);
    expect(await run('rmi', id.slice(7, 19))).toMatch(
      new RegExp(`^Deleted: ${id}\nDeleted: sha256:`),
    );
    await run('load', '-i', archive);
    expect(await run('image', 'prune', '--force')).toContain(`deleted: ${id}`);
    expect(await list()).toBe('');
  }, 60_000);

  it('tells what happens, and what has happened', async () => {
    const format = ['--format', '{{.Action}} {{.Actor.Attributes.name}}'];
    const reference = `${registry.host}/team/app:v1`;
    const watching = startDocker(running.host, ['events', '--filter', 'event=pull', ...format]);
    const heard = new Promise<string>((resolve) => {
      watching.process.stdout?.once('data', (data: Buffer) => resolve(data.toString()));
    });
    // A client that comes too late for it would hear of none.
    while ((await Promise.race([heard, pullOnce()])) === undefined);
    async function pullOnce(): Promise<undefined> {
      await run('pull', reference);
    }
    expect(await heard).toBe(`pull ${reference}\n`);
    watching.process.kill();
    await watching.outcome;

    await run('tag', reference, 'short:v2');
    const until = String(Math.ceil(Date.now() / 1000));
    const events = await run('events', '--since', '0', '--until', until, ...format);
    expect(events).toMatch(new RegExp(`^(pull ${reference}\n)+tag short:v2\n$`));
  }, 60_000);

  it('says who it is, and what it does not do', async () => {
    expect(await run('version', '-f', '{{.Server.Version}}')).toBe('1.2.3\n');
    expect(await run('info', '-f', '{{.Images}} {{.Driver}}')).toBe('0 rxfer\n');
    const failed = async (...args: string[]) =>
      (await startDocker(running.host, args).outcome).stderr;
    expect(await failed('ps')).toMatch(/rxfer moves images and has no containers\n$/);
    expect(await failed('pull', `${registry.host}/none:v1`)).toMatch(
      /^Error response from daemon: .* answered 404 not found/,
    );
    expect(await failed('rmi', 'none')).toMatch(/There is no image none in the store\n$/);
    expect(await failed('inspect', 'none')).toMatch(/No such object: none\n$/i);
  }, 60_000);
});
