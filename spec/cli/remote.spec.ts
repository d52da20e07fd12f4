import { createRegistryClient } from '../../src/index.js';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { cli } from '../support/cli.js';
import { startDockerRegistry } from '../support/docker-registry.js';
import { describeWithPeers } from '../support/peers.js';
import { pushSample } from '../support/push-sample.js';
import { removeTemporaryFolders } from '../support/temporary-folder.js';

let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry({ pageSize: 2 });
  const image = await sampleImage({ layers: [[{ name: 'a', size: 10 }]] });
  for (const tag of ['v1', 'v2', 'v3']) registry.addImage('app', tag, image);
  registry.addImage('lib/tool', 'v1', image);
});
afterAll(async () => {
  await registry.close();
  removeTemporaryFolders();
});

it('rxfer tags prints one a line, as many as asked for, or all as JSON', async () => {
  const name = `${registry.host}/app`;
  expect(await cli('tags', name)).toEqual({ code: 0, stdout: 'v1\nv2\nv3\n', stderr: '' });
  expect((await cli('tags', name, '--limit', '2')).stdout).toBe('v1\nv2\n');
  const json = await cli('tags', name, '--format', 'json');
  expect(JSON.parse(json.stdout)).toEqual({ repository: name, tags: ['v1', 'v2', 'v3'] });
});

it('rxfer tags wants a repository, and says where it stops being one', async () => {
  const { code, stderr } = await cli('tags', `${registry.host}/app:v1`);
  expect(code).toBe(2);
  expect(stderr).toContain('is not a repository: it has a tag or a digest');
  const unknown = await cli('tags', `${registry.host}/no/such`);
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toContain('404 not found');
});

it('rxfer catalog prints the repositories', async () => {
  expect((await cli('catalog', registry.host)).stdout).toBe('app\nlib/tool\n');
  const json = await cli('catalog', registry.host, '--format', 'json');
  expect(JSON.parse(json.stdout)).toEqual({
    host: registry.host,
    repositories: ['app', 'lib/tool'],
  });
});

it('rxfer delete wants the tag named, and prints what is deleted', async () => {
  const name = `${registry.host}/lib/tool`;
  const bare = await cli('delete', name);
  expect(bare.code).toBe(2);
  expect(bare.stderr).toContain(`${name}:latest`);
  expect(registry.repository('lib/tool').tags.size).toBe(1);
  const deleted = await cli('delete', `${name}:v1`);
  expect(deleted).toEqual({ code: 0, stdout: `${name}:v1\n`, stderr: '' });
  expect(registry.repository('lib/tool').tags.size).toBe(0);
});

describeWithPeers(['docker-registry'], 'on docker-registry', () => {
  it('rxfer delete names the digest to delete by, which then works', async () => {
    const peer = await startDockerRegistry();
    const client = createRegistryClient();
    try {
      const image = await sampleImage({ layers: [[{ name: 'a', size: 10 }]] });
      await pushSample(client, `${peer.host}/app:v1`, image);
      const refused = await cli('delete', `${peer.host}/app:v1`);
      expect(refused.code).toBe(1);
      const name = /\S+@sha256:\w+/.exec(refused.stderr)?.[0] ?? '';
      expect(name).toBe(`${peer.host}/app@${image.descriptor.digest}`);
      const json = await cli('delete', name, '--format', 'json');
      expect(JSON.parse(json.stdout)).toEqual({ deleted: [name] });
      expect((await cli('tags', `${peer.host}/app`)).stdout).toBe('');
    } finally {
      await client.close();
      await peer.stop();
    }
  });
});
