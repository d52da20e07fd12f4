import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { parseManifest, type Digest } from '../../src/oci/index.js';
import {
  sampleImage,
  sampleIndex,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { docker } from '../support/docker.js';
import { startEngine, type RunningEngine } from '../support/engine.js';
import { describeWithPeers } from '../support/peers.js';
import { sampleAttestation } from '../support/sample-attestation.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

describeWithPeers(['docker'], "docker's client on images of all platforms", () => {
  let registry: TestRegistry;
  let running: RunningEngine;
  let amd: SampleImage;
  let arm: SampleImage;
  let index: SampleImage;
  const run = (...args: string[]): Promise<string> => docker(running.host, ...args);
  const name = (): string => `${registry.host}/team/app:v1`;
  const idOf = ({ manifests }: SampleImage): Digest =>
    parseManifest([...manifests.values()][0]!.bytes).config.digest;

  beforeAll(async () => {
    registry = await startRegistry();
    const image = (architecture: string) =>
      sampleImage({
        platform: { os: 'linux', architecture },
        layers: [[{ name: 'etc/' }, { name: 'etc/os', content: architecture }]],
      });
    [amd, arm] = [await image('amd64'), await image('arm64')];
    index = sampleIndex([amd, arm, sampleAttestation(amd)]);
    registry.addImage('team/app', 'v1', index);
  });
  beforeEach(async () => (running = await startEngine()));
  afterEach(() => running.close());
  afterAll(async () => {
    await registry.close();
    removeTemporaryFolders();
  });

  it.each(['amd64', 'arm64'])(
    'shows, tags and saves the one that is unpacked: %s',
    async (cpu) => {
      const unpacked = cpu === 'amd64' ? amd : arm;
      const id = idOf(unpacked);
      const options = { platforms: 'all', platform: { os: 'linux', architecture: cpu } } as const;
      const event = await lastValueFrom(running.rxfer.pull(name(), options));
      if (event.kind === 'result') event.release();

      const format = '{{.ID}} {{.Tag}} {{.Digest}}';
      const rows = await run('images', '--no-trunc', '--digests', '--format', format);
      expect(rows).toBe(`${id} v1 ${index.descriptor.digest}\n`);
      const [inspected] = JSON.parse(await run('inspect', name())) as [Record<string, unknown>];
      expect(inspected).toMatchObject({
        Id: id,
        Architecture: cpu,
        RootFS: { Layers: unpacked.diffIDs },
        Descriptor: { digest: index.descriptor.digest },
      });

      await run('tag', name(), 'short:v2');
      await run('rmi', name());
      const archive = join(temporaryFolder(), 'saved.tar');
      await run('save', '-o', archive, 'short:v2');
      expect(readFileSync(archive).toString('latin1')).toContain(`"Config":"${id.slice(7)}.json"`);
      expect(await run('rmi', 'short:v2')).toContain(`Deleted: ${id}`);
      expect(await running.store.usage()).toMatchObject({ blobs: { count: 0 } });
    },
    60_000,
  );
});
