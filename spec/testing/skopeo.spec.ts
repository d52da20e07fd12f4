import { join } from 'node:path';
import { mediaTypes, parseManifest, parsePlatform } from '../../src/oci/index.js';
import {
  sampleImage,
  sampleIndex,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { describeWithPeers } from '../support/peers.js';
import { run } from '../support/run.js';
import { writeSampleLayout } from '../support/sample-layout.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

describeWithPeers(['skopeo'], 'skopeo, with the in-process registry', () => {
  let registry: TestRegistry;

  beforeEach(async () => {
    registry = await startRegistry();
  });
  afterEach(() => registry.close());
  afterAll(removeTemporaryFolders);

  const skopeo = (...args: string[]): Promise<string> => run('skopeo', ...args);
  const push = async (image: SampleImage, to: string, ...options: string[]): Promise<void> => {
    const folder = join(temporaryFolder(), 'layout');
    writeSampleLayout(folder, 'v1', image);
    const target = `docker://${registry.host}/${to}`;
    await skopeo('copy', '-q', '--dest-tls-verify=false', ...options, `oci:${folder}:v1`, target);
  };
  /** Pulls everything back and pushes it on, under the same digest or not at all. */
  const passOn = async (from: string, to: string): Promise<void> => {
    const folder = `dir:${join(temporaryFolder(), 'dir')}`;
    const options = ['-q', '--all', '--preserve-digests'];
    const [source, target] = [from, to].map((name) => `docker://${registry.host}/${name}`);
    await skopeo('copy', ...options, '--src-tls-verify=false', source!, folder);
    await skopeo('copy', ...options, '--dest-tls-verify=false', folder, target!);
  };
  const digestOfTag = (name: string, tag: string): string | undefined =>
    registry.repository(name).tags.get(tag);
  const manifestOf = (name: string, tag: string): ReturnType<typeof parseManifest> => {
    const repository = registry.repository(name);
    return parseManifest(repository.manifests.get(repository.find(tag)!)!.bytes);
  };

  it('pushes and pulls an image', async () => {
    const image = await sampleImage({ layers: [[{ name: 'a', size: 100_000 }], [{ name: 'b' }]] });
    await push(image, 'app:v1');
    await passOn('app:v1', 'copy:v1');
    expect(digestOfTag('copy', 'v1')).toBe(image.descriptor.digest);
  });

  it('pushes and pulls an index of several platforms whole', async () => {
    const images = await Promise.all(
      ['linux/amd64', 'linux/arm64'].map((platform) =>
        sampleImage({ layers: [[{ name: platform }]], platform: parsePlatform(platform) }),
      ),
    );
    const index = sampleIndex(images);
    await push(index, 'app:v1', '--all');
    await passOn('app:v1', 'copy:v1');
    expect(digestOfTag('copy', 'v1')).toBe(index.descriptor.digest);
    const copied = registry.repository('copy');
    expect([...copied.manifests.keys()].sort()).toEqual([...index.manifests.keys()].sort());
    expect([...copied.blobs.keys()].sort()).toEqual([...index.blobs.keys()].sort());
  });

  it("pushes and pulls Docker's schema 2", async () => {
    const image = await sampleImage({ layers: [[{ name: 'a', size: 1000 }]] });
    await push(image, 'app:v1', '--format', 'v2s2');
    await passOn('app:v1', 'copy:v1');
    expect(digestOfTag('copy', 'v1')).toBe(digestOfTag('app', 'v1'));
    expect(manifestOf('copy', 'v1').mediaType).toBe(mediaTypes.dockerManifest);
  });

  it('pushes and pulls layers in zstd', async () => {
    const options = { layers: [[{ name: 'a', size: 100_000 }]], compression: 'none' } as const;
    await push(await sampleImage(options), 'app:v1', '--dest-compress-format', 'zstd');
    await passOn('app:v1', 'copy:v1');
    expect(digestOfTag('copy', 'v1')).toBe(digestOfTag('app', 'v1'));
    expect(manifestOf('copy', 'v1').layers[0]?.mediaType).toBe(mediaTypes.ociLayerZstd);
  });

  it('mounts blobs, lists tags and deletes an image', async () => {
    const image = await sampleImage({ layers: [[{ name: 'a', size: 1000 }]] });
    await push(image, 'app:v1');
    registry.addImage('app', 'v2', image);
    const name = `docker://${registry.host}/app`;
    const listed = JSON.parse(await skopeo('list-tags', '--tls-verify=false', name)) as object;
    expect(listed).toMatchObject({ Tags: ['v1', 'v2'] });
    const options = ['-q', '--src-tls-verify=false', '--dest-tls-verify=false'];
    await skopeo('copy', ...options, `${name}:v1`, `docker://${registry.host}/mounted:v1`);
    const mounts = registry.requests.filter(({ path }) => path.includes('mount='));
    expect(mounts.map(({ status }) => status)).toContain(201);
    await skopeo('delete', '--tls-verify=false', `${name}:v1`);
    expect(registry.repository('app').tags.size).toBe(0);
  });
});
