import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import {
  createRxfer,
  openDiskStore,
  removeImage,
  type Digest,
  type DiskStore,
  type MoveOptions,
  type Rxfer,
} from '../../src/index.js';
import {
  sampleImage,
  sampleIndex,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { closeAll, openClient, openRegistry } from '../support/loopback.js';
import { pushSample } from '../support/push-sample.js';
import { pushReferred, referredImage, type ReferredImage } from '../support/referred-image.js';
import { sampleReferrer } from '../support/sample-referrer.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const all: MoveOptions = { referrers: 'all' };
let referred: ReferredImage;
let image: SampleImage;
let signature: SampleImage;
let contents: SampleImage;
let store: DiskStore;
let rxfer: Rxfer;

beforeAll(async () => {
  referred = await referredImage();
  ({ image, signature, contents } = referred);
});
beforeEach(async () => {
  store = await openDiskStore(temporaryFolder());
  rxfer = createRxfer({ store, registry: openClient() });
});
afterEach(closeAll);
afterAll(removeTemporaryFolders);

function pushAll({ host }: TestRegistry, repository = 'app'): Promise<string> {
  return pushReferred(openClient(), `${host}/${repository}`, referred);
}

async function pull(name: string, options = all): Promise<void> {
  const result = await lastValueFrom(rxfer.pull(name, options));
  if (result.kind === 'result') result.release();
}

const names = async (): Promise<string[]> =>
  (await store.images.list()).map(({ reference }) => reference);
const tagOf = (digest: Digest): string => digest.replace(':', '-').slice(0, 71);
const listName = (name: string, { descriptor: { digest } }: SampleImage): string =>
  name.replace(/:v\d$/, `:${tagOf(digest)}`);

describe.each([
  ['a registry with lists', {}],
  ['a registry without', { without: ['referrers'] as const }],
])('a stored list of referrers is repaired from %s', (_, traits) => {
  let name: string;
  beforeEach(async () => {
    name = await pushAll(await openRegistry(traits));
    await pull(name);
  });

  const fileOf = (digest: Digest): string =>
    join(store.directory, 'blobs', digest.replace(':', '/'));
  const listDigest = async (): Promise<Digest> =>
    (await store.images.get(listName(name, image)))!.manifest.digest;
  const parts: [string, () => Digest | Promise<Digest>][] = [
    ['it', listDigest],
    ['the manifest of one of them', () => signature.descriptor.digest],
    ["one's layer", () => contents.layers[0]!.digest],
  ];
  const harms: [string, (file: string) => void][] = [
    ['is lost', (file) => rmSync(file)],
    ['is damaged', (file) => truncateSync(file, 1)],
  ];
  const cases = parts.flatMap(([part, digest]) =>
    harms.map(([harmed, harm]) => ({ part, digest, harmed, harm })),
  );

  it.each(cases)('where $part $harmed', async ({ digest, harm }) => {
    harm(fileOf(await digest()));
    const { affected } = await store.verify({ mode: 'remove' });
    expect(affected).toContain(listName(name, image));
    for (const reference of affected) {
      const result = await lastValueFrom(rxfer.repair(reference));
      if (result.kind === 'result') result.release();
    }
    expect(await store.verify()).toMatchObject({ damages: [], affected: [] });
    const { host } = await openRegistry();
    await lastValueFrom(rxfer.push(`${host}/copy:v1`, { ...all, source: name }));
    const found = await lastValueFrom(rxfer.referrers(`${host}/copy:v1`).pipe(toArray()));
    expect(found.map((each) => each.digest).sort()).toEqual(
      [signature, contents].map((each) => each.descriptor.digest).sort(),
    );
  });
});

it('a stored list that is lost stays so where the registry lists none of it any more', async () => {
  const registry = await openRegistry();
  const name = await pushAll(registry);
  await pull(name);
  const list = await store.images.get(listName(name, image));
  rmSync(join(store.directory, 'blobs', list!.manifest.digest.replace(':', '/')));
  for (const each of [signature, contents]) {
    await lastValueFrom(rxfer.delete(`${registry.host}/app@${each.descriptor.digest}`));
  }
  await expect(lastValueFrom(rxfer.repair(listName(name, image)))).rejects.toMatchObject({
    code: 'ERR_NOT_FOUND',
  });
  expect(await names()).toContain(listName(name, image));
});

describe('an image that is removed', () => {
  let registry: TestRegistry;
  let name: string;
  beforeEach(async () => {
    registry = await openRegistry();
    name = await pushAll(registry);
    await pull(name);
  });

  it('takes the lists of its referrers along, and of what refers to them', async () => {
    const lists = [listName(name, image), listName(name, contents)].sort();
    expect((await names()).sort()).toEqual([...lists, name].sort());
    expect(await removeImage(store, name)).toEqual([name, ...lists]);
    expect(await names()).toEqual([]);
    expect(await removeImage(store, name)).toEqual([]);
  });

  it('leaves them to another name in its repository', async () => {
    registry.addImage('app', 'v2', image);
    const other = name.replace('v1', 'v2');
    await pull(other, {});
    expect(await removeImage(store, name)).toEqual([name]);
    expect(await removeImage(store, other)).toHaveLength(3);
  });

  it('leaves those of other images and repositories', async () => {
    const elsewhere = await pushAll(registry, 'elsewhere');
    await pull(elsewhere);
    const other = await sampleImage({ layers: [[{ name: 'b', size: 10 }]] });
    registry.addImage('app', 'v2', other);
    const signed = sampleReferrer(other.descriptor, 'a/signature', 'four');
    await pushSample(openClient(), `${registry.host}/app@${signed.descriptor.digest}`, signed);
    await pull(name.replace('v1', 'v2'));
    expect(await removeImage(store, name)).toHaveLength(3);
    expect(await names()).toHaveLength(5);
  });

  it('takes those of each of its images along where it is an index', async () => {
    registry.addImage('app', 'v3', sampleIndex([image]));
    const index = name.replace('v1', 'v3');
    await pull(index, { ...all, platforms: 'all' });
    expect(await removeImage(store, name)).toEqual([name]);
    expect(await removeImage(store, index)).toHaveLength(3);
    expect(await names()).toEqual([]);
  });

  it('goes alone where the store has lost what another name leads to', async () => {
    const index = sampleIndex([await sampleImage({ layers: [[{ name: 'c', size: 10 }]] })]);
    registry.addImage('app', 'v3', index);
    await pull(name.replace('v1', 'v3'), { platforms: 'all' });
    const { digest } = index.descriptor;
    rmSync(join(store.directory, 'blobs', digest.replace(':', '/')));
    // It might have been an index with the image.
    expect(await removeImage(store, name)).toEqual([name]);
  });
});
