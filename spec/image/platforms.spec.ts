import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, tap, toArray, type Observable } from 'rxjs';
import {
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  digestHex,
  digestOf,
  mediaTypes,
  openDiskStore,
  type CopyEvent,
  type DiskStore,
  type PullEvent,
  type Rxfer,
} from '../../src/index.js';
import {
  sampleImage,
  sampleIndex,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { startDockerRegistry } from '../support/docker-registry.js';
import { describeWithPeers } from '../support/peers.js';
import { run } from '../support/run.js';
import { sampleAttestation } from '../support/sample-attestation.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const base = [{ name: 'etc/' }, { name: 'etc/os', content: 'sample' }];
const arm = { os: 'linux', architecture: 'arm64' };
const amd = { os: 'linux', architecture: 'amd64' };
const windows = { os: 'windows', architecture: 'amd64' };

let registry: TestRegistry;
let image: SampleImage;
let parts: readonly SampleImage[];
let store: DiskStore;
let rxfer: Rxfer;
const client = createRegistryClient();

beforeAll(async () => {
  const layers = (name: string) => [base, [{ name, size: 5000 }]];
  const images = await Promise.all(
    [amd, arm, windows].map((platform) =>
      sampleImage({ platform, layers: layers(platform.os + platform.architecture) }),
    ),
  );
  const attestation = sampleAttestation(images[0]!);
  parts = [...images, attestation];
  image = sampleIndex(parts);
});
beforeEach(async () => {
  registry = await startRegistry();
  registry.addImage('app', 'v1', image);
  store = await openDiskStore(temporaryFolder());
  rxfer = createRxfer({ store, registry: client, delay: () => 1 });
});
afterEach(() => registry.close());
afterAll(async () => {
  await client.close();
  removeTemporaryFolders();
});

const all = { platforms: 'all' } as const;
const name = (rest = 'app:v1'): string => `${registry.host}/${rest}`;
const done = <E extends PullEvent | CopyEvent>(events$: Observable<E>): Promise<E> =>
  lastValueFrom(events$);

async function pullAll(options = {}): Promise<Extract<PullEvent, { kind: 'result' }>> {
  const result = await done(rxfer.pull(name(), { ...all, ...options }));
  if (result.kind !== 'result') throw new Error('no result');
  result.release();
  return result;
}

function expectWhole(repository: string): void {
  const content = registry.repository(repository);
  expect(content.tags.get('v1')).toBe(image.descriptor.digest);
  expect([...content.manifests.keys()].sort()).toEqual([...image.manifests.keys()].sort());
  for (const [digest, { bytes }] of image.manifests) {
    expect(content.manifests.get(digest)?.bytes).toEqual(bytes);
  }
  expect([...content.blobs.keys()].sort()).toEqual([...image.blobs.keys()].sort());
}

describe('an index with all its images', () => {
  it('is copied to another repository byte for byte, what is pointed at first', async () => {
    const events = await lastValueFrom(rxfer.copy(name(), name('copy:v1'), all).pipe(toArray()));
    expectWhole('copy');
    const puts = registry.requests.filter(
      ({ method, path }) => method === 'PUT' && path.includes('/manifests/'),
    );
    expect(puts.map(({ path }) => path.split('/').at(-1))).toEqual([
      ...parts.map(({ descriptor }) => descriptor.digest),
      'v1',
    ]);
    const result = events.at(-1);
    expect(result).toMatchObject({
      kind: 'result',
      image: { resolved: image.descriptor.digest, platform: undefined, config: undefined },
    });
    const images = result?.kind === 'result' ? result.image.images : [];
    expect(images?.map(({ platform }) => platform?.os)).toEqual([
      'linux',
      'linux',
      'windows',
      'unknown',
    ]);
  });

  it.each(['oci', 'oci-archive'])('goes through %s and back', async (kind) => {
    const place = `${kind}:${join(temporaryFolder(), 'place')}:v1`;
    await done(rxfer.copy(name(), place, all));
    await done(rxfer.copy(place, name('back:v1'), all));
    expectWhole('back');
  });

  it('goes through the store and back, from disk and from memory', async () => {
    for (const each of [store, createMemoryStore()]) {
      rxfer = createRxfer({ store: each, registry: client });
      await pullAll();
      registry.repository('stored').tags.clear();
      await done(rxfer.push(name('stored:v1'), { source: name(), ...all }));
      expectWhole('stored');
    }
  });

  it('is no archive for docker load', async () => {
    const archive = `docker-archive:${join(temporaryFolder(), 'a.tar')}`;
    await expect(done(rxfer.copy(name(), archive, all))).rejects.toMatchObject({
      code: 'ERR_NOT_AN_IMAGE',
    });
  });
});

describe('a pull of all platforms', () => {
  it('unpacks the one of this machine and keeps the blobs of the others', async () => {
    const { image: pulled, bytes } = await pullAll({ platform: amd });
    const sizes = [...image.blobs.values()].map(({ length }) => length);
    const config = image.blobs.get(pulled.images![0]!.config)!.length;
    expect(bytes).toBe(sizes.reduce((sum, size) => sum + size, 0) - config);
    expect(new Set(pulled.statuses)).toEqual(new Set(['pulled']));
    const usage = await store.usage();
    expect(usage.layers.count).toBe(2);
    expect(usage.blobs.count).toBe(image.blobs.size + image.manifests.size);
    const again = await pullAll();
    expect([again.bytes, new Set(again.image.statuses)]).toEqual([0, new Set(['exists'])]);
  });

  it('needs none for this machine, but one that was asked for', async () => {
    registry.addImage('app', 'v1', sampleIndex([parts[2]!]));
    await pullAll();
    expect((await store.usage()).layers.count).toBe(0);
    await expect(pullAll({ platform: arm })).rejects.toMatchObject({
      code: 'ERR_PLATFORM_NOT_FOUND',
    });
  });

  it('is kept whole by a collection, and goes with its record', async () => {
    await pullAll({ platform: amd });
    expect(await store.collect()).toMatchObject({ blobs: [], layers: [] });
    expect((await store.verify()).damages).toEqual([]);
    await store.images.delete(name());
    await store.collect();
    const usage = await store.usage();
    expect([usage.blobs.count, usage.layers.count]).toEqual([0, 0]);
  });

  it('holds the blobs against a collection while it goes on', async () => {
    let collected: Promise<unknown> = Promise.resolve();
    const collect = ({ kind }: PullEvent): void => {
      if (kind === 'layer') collected = collected.then(() => store.collect());
    };
    const result = await done(rxfer.pull(name(), all).pipe(tap(collect)));
    if (result.kind === 'result') result.release();
    await collected;
    expect((await store.verify()).affected).toEqual([]);
  });

  it('is verified whole and repaired', async () => {
    await pullAll({ platform: amd });
    const lost = [parts[1]!.descriptor.digest, parts[2]!.layers[1]!.digest];
    for (const digest of lost) {
      const file = join(store.directory, 'blobs/sha256', digestHex(digest));
      rmSync(file);
    }
    expect((await store.verify()).affected).toEqual([name()]);
    const result = await done(rxfer.repair(name()));
    if (result.kind === 'result') result.release();
    expect((await store.verify()).affected).toEqual([]);
  });

  it('can be unpacked in any platform, and pushed in one', async () => {
    await pullAll({ platform: amd });
    const folder = join(temporaryFolder(), 'root');
    await lastValueFrom(rxfer.unpack(name(), folder, { platform: arm }));
    expect(readFileSync(join(folder, 'linuxarm64'))).toHaveLength(5000);
    await done(rxfer.push(name('one:v1'), { source: name(), platform: arm }));
    expect(registry.repository('one').tags.get('v1')).toBe(parts[1]!.descriptor.digest);
  });

  it('mounts what another repository has, by what the store knows', async () => {
    await pullAll();
    await done(rxfer.push(name('mounted:v1'), { source: name(), ...all }));
    const mounts = registry.requests.filter(({ path }) => path.includes('mount='));
    expect(mounts.every(({ path }) => path.includes('from=app'))).toBe(true);
    expect(mounts).toHaveLength(image.blobs.size);
  });

  it('is what a push of all needs, where the image is one of several', async () => {
    const one = await done(rxfer.pull(name()));
    if (one.kind === 'result') one.release();
    await expect(done(rxfer.push(name('x:v1'), { source: name(), ...all }))).rejects.toMatchObject({
      code: 'ERR_INCOMPLETE_IMAGE',
    });
  });

  it('of a manifest is a pull', async () => {
    registry.addImage('app', 'v1', parts[0]!);
    const { image: pulled } = await pullAll({ platform: amd });
    expect(pulled.platform).toEqual(amd);
    expect(pulled.chainIDs).toHaveLength(2);
  });
});

describe('the tree of an index', () => {
  const document = (value: object): SampleImage => {
    const bytes = Buffer.from(JSON.stringify(value));
    const descriptor = {
      mediaType: mediaTypes.ociIndex,
      digest: digestOf(bytes),
      size: bytes.length,
    };
    const manifests = new Map([[descriptor.digest, { mediaType: descriptor.mediaType, bytes }]]);
    return { descriptor, layers: [], diffIDs: [], manifests, blobs: new Map() };
  };
  const refused = async (tree: SampleImage): Promise<unknown> => {
    registry.addImage('bad', 'v1', tree);
    const oci = `oci:${join(temporaryFolder(), 'bad')}:v1`;
    return done(rxfer.copy(name('bad:v1'), oci, all)).catch((error: unknown) => error);
  };

  it('may be three indexes deep, with parts that are shared, and no deeper', async () => {
    const two = sampleIndex([sampleIndex([image]), image]);
    registry.addImage('app', 'v1', two);
    await done(rxfer.copy(name(), name('deep:v1'), all));
    expect(registry.repository('deep').manifests.size).toBe(two.manifests.size);
    await pullAll();
    expect((await store.verify()).affected).toEqual([]);
    const four = await refused(sampleIndex([sampleIndex([sampleIndex([image])])]));
    expect(four).toMatchObject({ code: 'ERR_IMAGE_TREE_LIMIT' });
  });

  it('has limits of number and size, which are looked at before anything is fetched', async () => {
    const entry = (size: number) => (index: number) => ({
      mediaType: mediaTypes.ociManifest,
      digest: digestOf(String(index)),
      size,
    });
    const index = (count: number, size: number) => ({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: Array.from({ length: count }, (_, each) => entry(size)(each)),
    });
    const tooMany = await refused(document(index(1001, 10)));
    const tooLarge = await refused(document(index(20, 4_000_000)));
    expect([tooMany, tooLarge]).toMatchObject([
      { code: 'ERR_IMAGE_TREE_LIMIT' },
      { code: 'ERR_IMAGE_TREE_LIMIT' },
    ]);
    expect(registry.requests.filter(({ path }) => path.includes('/manifests/'))).toHaveLength(2);
  });

  it('has manifests and indexes alone', async () => {
    const manifests = [{ mediaType: 'text/plain', digest: digestOf('x'), size: 1 }];
    const other = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    expect(await refused(document(other))).toMatchObject({
      code: 'ERR_NOT_AN_IMAGE',
      message: expect.stringContaining('text/plain') as string,
    });
  });
});

describeWithPeers(['docker-registry', 'skopeo'], 'skopeo copy --all', () => {
  it('has the same index, byte for byte, of what rxfer copied, and the other way round', async () => {
    const peer = await startDockerRegistry();
    try {
      const folder = temporaryFolder();
      await done(rxfer.copy(name(), `${peer.host}/app:v1`, all));
      const from = `docker://${peer.host}/app:v1`;
      const args = ['copy', '--all', '--src-tls-verify=false', from, `oci:${folder}/skopeo:v1`];
      await run('skopeo', ...args);
      const file = join(folder, 'skopeo/blobs/sha256', digestHex(image.descriptor.digest));
      expect(readFileSync(file)).toEqual(image.manifests.get(image.descriptor.digest)!.bytes);
      await done(rxfer.copy(`oci:${folder}/skopeo:v1`, name('skopeo:v1'), all));
      expectWhole('skopeo');
    } finally {
      await peer.stop();
    }
  });
});
