import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import {
  createMemoryStore,
  createRxfer,
  digestOf,
  mediaTypes,
  type CopyEvent,
  type PullEvent,
} from '../../src/index.js';
import { sampleImage, type SampleImage, type TestRegistry } from '../../src/testing/index.js';
import { closeAll, openClient, openRegistry } from '../support/loopback.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

let image: SampleImage;
let upstream: TestRegistry;
let mirror: TestRegistry;
let target: TestRegistry;

beforeAll(async () => {
  image = await sampleImage({ layers: [[{ name: 'data', size: 1_500_000 }]] });
});
beforeEach(async () => {
  [upstream, mirror, target] = await Promise.all([openRegistry(), openRegistry(), openRegistry()]);
  for (const registry of [upstream, mirror]) registry.addImage('app', 'v1', image);
});
afterEach(closeAll);
afterAll(removeTemporaryFolders);

const layer = () => image.layers[0]!;
const config = () => [...image.blobs.keys()].find((digest) => digest !== layer().digest)!;

/** How often a registry was asked for a blob. */
function asked(registry: TestRegistry, digest: string): number {
  const path = new RegExp(`/blobs/${digest}`);
  return registry.requests.filter((each) => each.method === 'GET' && path.test(each.path)).length;
}

function copy(to: string, uploadChunkSize = 0): Promise<PullEvent | CopyEvent> {
  const client = openClient({ mirrors: [mirror.url], uploadChunkSize });
  const rxfer = createRxfer({ store: createMemoryStore(), registry: client, delay: () => 1 });
  return lastValueFrom(rxfer.copy(`${upstream.host}/app:v1`, to));
}

const targets: [string, (folder: string) => string, number?][] = [
  ['a registry', () => `${target.host}/copy:v1`],
  ['a registry in chunks', () => `${target.host}/copy:v1`, 400_000],
  ['an OCI layout', (folder) => `oci:${folder}/layout:v1`],
  ['an OCI archive', (folder) => `oci-archive:${folder}/archive.tar:v1`],
  ['an archive for docker load', (folder) => `docker-archive:${folder}/docker.tar:app:v1`],
];

describe.each(targets)('wrong bytes on their way to %s', (_, place, chunkSize) => {
  it.each([
    ['a layer', () => layer().digest],
    ['a configuration', () => config()],
  ])('of %s come from another host at once', async (_what, digest) => {
    mirror.inject({ match: { digest: digest() }, fault: { kind: 'corrupt', offset: 10 } });
    const result = await copy(place(temporaryFolder()), chunkSize);
    expect(result).toMatchObject({ kind: 'result' });
    expect(asked(mirror, digest())).toBe(1);
  });

  it('of all hosts are an error, after another attempt', async () => {
    for (const registry of [mirror, upstream]) {
      const { digest } = layer();
      registry.inject({ match: { digest }, fault: { kind: 'corrupt', offset: 10 } });
    }
    await expect(copy(place(temporaryFolder()), chunkSize)).rejects.toMatchObject({
      code: 'ERR_DIGEST_MISMATCH',
      digest: layer().digest,
    });
    expect(asked(mirror, layer().digest)).toBeLessThanOrEqual(2);
    expect(asked(upstream, layer().digest)).toBeLessThanOrEqual(2);
  });
});

it('never reach a registry whole', async () => {
  for (const registry of [mirror, upstream]) {
    const match = { digest: layer().digest };
    registry.inject({ match, fault: { kind: 'corrupt', offset: 1_400_000 } });
  }
  await expect(copy(`${target.host}/copy:v1`)).rejects.toMatchObject({
    code: 'ERR_DIGEST_MISMATCH',
  });
  const sent = target.requests.filter(({ method }) => method === 'PUT');
  expect(sent.map(({ status }) => status)).not.toContain(400);
  expect(target.repository('copy').blobs.size).toBe(0);
});

it('leave nothing in a layout', async () => {
  for (const registry of [mirror, upstream]) {
    registry.inject({ match: { digest: layer().digest }, fault: { kind: 'corrupt', offset: 10 } });
  }
  const folder = join(temporaryFolder(), 'layout');
  await expect(copy(`oci:${folder}:v1`)).rejects.toMatchObject({ code: 'ERR_DIGEST_MISMATCH' });
  expect(existsSync(join(folder, 'index.json'))).toBe(false);
  expect(readFileSync(join(folder, 'oci-layout'), 'utf8')).toContain('imageLayoutVersion');
});

it('that are the right ones by their digest are told as a layer that is damaged', async () => {
  const damaged = Buffer.from(image.blobs.get(layer().digest)!);
  damaged.writeUInt8(damaged.readUInt8(1000) ^ 0xff, 1000);
  const descriptor = { ...layer(), digest: digestOf(damaged) };
  const json = JSON.parse(image.manifests.get(image.descriptor.digest)!.bytes.toString()) as object;
  const bytes = Buffer.from(JSON.stringify({ ...json, layers: [descriptor] }));
  const repository = upstream.repository('damaged');
  for (const [digest, blob] of image.blobs) repository.blobs.set(digest, blob);
  repository.blobs.set(descriptor.digest, damaged);
  repository.put('v1', { mediaType: mediaTypes.ociManifest, bytes });
  const rxfer = createRxfer({ store: createMemoryStore(), registry: openClient(), delay: () => 1 });
  const file = join(temporaryFolder(), 'docker.tar');
  const copied$ = rxfer.copy(`${upstream.host}/damaged:v1`, `docker-archive:${file}:app:v1`);
  await expect(lastValueFrom(copied$)).rejects.toMatchObject({
    code: 'ERR_INVALID_LAYER',
    digest: descriptor.digest,
  });
  expect(existsSync(file)).toBe(false);
});
