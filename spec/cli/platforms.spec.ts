import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  sampleImage,
  sampleIndex,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { cli } from '../support/cli.js';
import { sampleAttestation } from '../support/sample-attestation.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

let registry: TestRegistry;
let index: SampleImage;
let images: readonly SampleImage[];
let name: string;
let store: string;

beforeAll(async () => {
  registry = await startRegistry();
  images = await Promise.all(
    ['amd64', 'arm64'].map((architecture) =>
      sampleImage({
        platform: { os: 'linux', architecture },
        layers: [[{ name: architecture, size: 999 }]],
      }),
    ),
  );
  index = sampleIndex([...images, sampleAttestation(images[0]!)]);
  registry.addImage('app', 'v1', index);
  name = `${registry.host}/app:v1`;
  store = temporaryFolder();
});
afterAll(async () => {
  await registry.close();
  removeTemporaryFolders();
});

it('rxfer pull --all tells of each image with its layers, and inspect and unpack choose', async () => {
  const args = ['--store', store, '--progress', 'none'];
  const pulled = await cli('pull', name, '--all', '--format', 'json', ...args);
  const result = JSON.parse(pulled.stdout) as { digest: string; images: object[] };
  expect(result.digest).toBe(index.descriptor.digest);
  expect(result.images).toEqual(
    [...images, sampleAttestation(images[0]!)].map(({ descriptor, layers }) => ({
      digest: descriptor.digest,
      platform: `${descriptor.platform?.os}/${descriptor.platform?.architecture}`,
      config: expect.stringMatching(/^sha256:/) as string,
      layers: layers.map(({ digest, size }) => ({ digest, size, status: 'pulled' })),
    })),
  );
  const text = await cli('pull', name, '--all', ...args);
  expect(text.stdout).toContain('3 images, 0 layers pulled, 3 there before');

  const inspected = JSON.parse((await cli('inspect', name, '--store', store)).stdout) as object;
  const platforms = ['linux/amd64', 'linux/arm64', 'unknown/unknown'];
  expect(inspected).toMatchObject({
    digest: index.descriptor.digest,
    images: platforms.map((platform) => ({ platform })),
  });
  const chosen = await cli('inspect', name, '--platform', 'linux/arm64', '--store', store);
  expect(JSON.parse(chosen.stdout)).toMatchObject({
    manifest: { digest: images[1]!.descriptor.digest },
    layers: [{ diffID: images[1]!.diffIDs[0] }],
  });

  const root = join(temporaryFolder(), 'root');
  const unpacked = await cli('unpack', name, root, '--platform', 'linux/arm64', ...args);
  expect(unpacked.code).toBe(0);
  expect(readFileSync(join(root, 'arm64'))).toHaveLength(999);
});

it('rxfer push --all and copy --all bring the index, and want no platform', async () => {
  const args = ['--all', '--store', store, '--progress', 'none'];
  const pushed = await cli('push', `${registry.host}/pushed:v1`, name, ...args);
  expect(pushed.stdout).toContain(`${index.descriptor.digest}\n3 images, 3 layers`);
  expect(registry.repository('pushed').manifests.size).toBe(4);
  const copied = await cli('copy', name, `${registry.host}/copied:v1`, ...args);
  expect(copied.code).toBe(0);
  expect(registry.repository('copied').manifests.size).toBe(4);
  const both = await cli('copy', name, 'oci:x', '--platform', 'linux/amd64', ...args);
  expect(both.code).toBe(2);
});

it('--upload-chunk-size has layers go in chunks', async () => {
  const args = ['--all', '--store', store, '--progress', 'none'];
  const size = ['--upload-chunk-size', '1K'];
  const large = await sampleImage({ layers: [[{ name: 'large', size: 3000 }]] });
  registry.addImage('large', 'v1', large);
  const copied = await cli('copy', `${registry.host}/large:v1`, 'oci:' + join(store, 'l'), ...args);
  expect(copied.code).toBe(0);
  registry.repository('large').blobs.clear();
  const to = `${registry.host}/chunked:v1`;
  expect((await cli('copy', 'oci:' + join(store, 'l'), to, ...size, ...args)).code).toBe(0);
  const patches = registry.requests.filter(({ method }) => method === 'PATCH');
  expect(patches.slice(0, 3).map(({ received }) => received)).toEqual([1024, 1024, 1024]);
  const wrong = await cli('copy', name, to, '--upload-chunk-size', '10X');
  expect(wrong.code).toBe(2);
});
