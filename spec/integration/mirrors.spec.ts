import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { createMemoryStore, createRegistryClient, createRxfer } from '../../src/index.js';
import { sampleImage } from '../../src/testing/index.js';
import { startCli } from '../support/cli.js';
import { startDockerRegistry, type DockerRegistry } from '../support/docker-registry.js';
import { describeWithPeers } from '../support/peers.js';
import { run } from '../support/run.js';
import { writeSampleLayout } from '../support/sample-layout.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

describeWithPeers(['docker-registry', 'skopeo'], 'with docker-registry as a mirror', () => {
  let upstream: DockerRegistry;
  let cache: DockerRegistry;
  let reference: string;
  let bytes: number;

  beforeAll(async () => {
    upstream = await startDockerRegistry();
    const remote = `http://${upstream.host}`;
    cache = await startDockerRegistry({ config: `proxy:\n  remoteurl: ${remote}` });
    const image = await sampleImage({
      layers: ['a', 'b', 'c'].map((name) => [{ name, size: 2_000_000 }]),
    });
    bytes = image.layers.reduce((sum, { size }) => sum + size, 0);
    const layout = join(temporaryFolder(), 'layout');
    writeSampleLayout(layout, 'v1', image);
    reference = `${upstream.host}/app:v1`;
    const copy = ['copy', '-q', '--dest-tls-verify=false'];
    await run('skopeo', ...copy, `oci:${layout}:v1`, `docker://${reference}`);
  });
  afterAll(async () => {
    await cache.stop();
    await upstream.stop();
    removeTemporaryFolders();
  });

  /** A pull into a new store. */
  const pull = async (mirror: string) => {
    const registry = createRegistryClient({ mirrors: [mirror] });
    try {
      const rxfer = createRxfer({ store: createMemoryStore(), registry, delay: () => 60_000 });
      return await lastValueFrom(rxfer.pull(reference));
    } finally {
      await registry.close();
    }
  };
  const blobsServed = ({ log }: DockerRegistry): number =>
    log.split('\n').filter((line) => /"GET \/v2\/app\/blobs\/.* 20[06] /.test(line)).length;

  it('pulls through its cache', async () => {
    expect(await pull(`http://${cache.host}`)).toMatchObject({ kind: 'result', bytes });
    // Three layers and a configuration.
    expect(blobsServed(cache)).toBe(4);
  });

  it('pulls past it by the command line, by hosts.toml, once it is gone', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, upstream.host));
    const text = `[host."http://${cache.host}"]\ncapabilities = ["pull", "resolve"]\n`;
    writeFileSync(join(folder, upstream.host, 'hosts.toml'), text);
    await cache.stop();
    const before = blobsServed(upstream);
    const store = join(temporaryFolder(), 'store');
    const args = ['pull', '--store', store, '--hosts-dir', folder, '--format', 'json', reference];
    const { code, stdout, stderr } = await startCli(args).outcome;
    expect(stderr).not.toContain('Retrying');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ bytes });
    expect(blobsServed(upstream)).toBe(before + 4);
  });
});
