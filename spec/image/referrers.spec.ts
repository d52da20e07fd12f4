import { execFile } from 'node:child_process';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lastValueFrom, toArray } from 'rxjs';
import {
  createMemoryStore,
  createRxfer,
  digestOf,
  mediaTypes,
  type CopyEvent,
  type Descriptor,
  type ImageIndex,
  type MoveOptions,
  type PullEvent,
  type Rxfer,
} from '../../src/index.js';
import {
  sampleImage,
  sampleIndex,
  type FaultRule,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { closeAll, openClient, openDockerRegistry, openRegistry } from '../support/loopback.js';
import { describeWithPeers } from '../support/peers.js';
import { pushSample } from '../support/push-sample.js';
import { pushReferred, referredImage, type ReferredImage } from '../support/referred-image.js';
import { sampleReferrer } from '../support/sample-referrer.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

let referred: ReferredImage;
let image: SampleImage;
let signature: SampleImage;
let contents: SampleImage;
let second: SampleImage;
let rxfer: Rxfer;

beforeAll(async () => {
  referred = await referredImage();
  ({ image, signature, contents, second } = referred);
});
beforeEach(() => {
  rxfer = createRxfer({ store: createMemoryStore(), registry: openClient() });
});
afterEach(closeAll);
afterAll(removeTemporaryFolders);

const all: MoveOptions = { referrers: 'all' };

function pushed({ host }: { readonly host: string }): Promise<string> {
  return pushReferred(openClient(), `${host}/app`, referred);
}

function copy(from: string, to: string, options = all): Promise<PullEvent | CopyEvent> {
  return lastValueFrom(rxfer.copy(from, to, options));
}

async function referrersOf(name: string): Promise<string[]> {
  const found = await lastValueFrom(rxfer.referrers(name).pipe(toArray()));
  return found.map(({ digest }) => digest).sort();
}

/** Everything is at a registry under this name, and can be pulled from there alone. */
async function expectAll(name: string): Promise<void> {
  const repository = name.slice(0, name.lastIndexOf(':'));
  const digests = (...images: SampleImage[]) => images.map((each) => each.descriptor.digest).sort();
  expect(await referrersOf(name)).toEqual(digests(signature, contents));
  const { digest } = contents.descriptor;
  expect(await referrersOf(`${repository}@${digest}`)).toEqual(digests(second));
  const { signal } = new AbortController();
  const client = openClient();
  const [host = '', path = ''] = repository.split('/');
  for (const each of [image, signature, contents, second]) {
    for (const [blob, bytes] of each.blobs) {
      const descriptor = { mediaType: 'any/thing', digest: blob, size: bytes.length };
      expect(await client.has({ host, path }, descriptor, signal)).toBe(true);
    }
  }
}

type Traits = Parameters<typeof openRegistry>[0];
const kinds: [string, () => Promise<{ readonly host: string }>][] = [
  ['a registry with lists', () => openRegistry()],
  ['a registry without', () => openRegistry({ without: ['referrers'] } satisfies Traits)],
];
const ways = kinds.flatMap(([from, source]) =>
  kinds.map(([to, target]) => ({ from, to, source, target })),
);

describe('a store', () => {
  it('forgets the referrers that a registry has no more', async () => {
    const { host } = await openRegistry();
    const client = openClient();
    await pushSample(client, `${host}/app:v1`, image);
    const digest = signature.descriptor.digest;
    await pushSample(client, `${host}/app@${digest}`, signature);
    const store = createMemoryStore();
    rxfer = createRxfer({ store, registry: client });
    await lastValueFrom(rxfer.pull(`${host}/app:v1`, all));
    expect(await store.images.list()).toHaveLength(2);
    await lastValueFrom(rxfer.delete(`${host}/app@${digest}`));
    await lastValueFrom(rxfer.pull(`${host}/app:v1`, all));
    expect(await store.images.list()).toMatchObject([{ reference: `${host}/app:v1` }]);
  });
});

describe('referrers are copied along', () => {
  it.each(ways)('from $from to $to', async ({ source, target }) => {
    const name = await pushed(await source());
    const { host } = await target();
    const result = await copy(name, `${host}/copy:v2`);
    await expectAll(`${host}/copy:v2`);
    expect(result).toMatchObject({ kind: 'result', image: { layers: image.layers } });
    const told = result.kind === 'result' ? result.image.referrers : undefined;
    expect(told?.map(({ manifest: { artifactType }, subject }) => [artifactType, subject])).toEqual(
      expect.arrayContaining([
        ['a/signature', image.descriptor.digest],
        ['an/sbom', image.descriptor.digest],
        ['a/signature', contents.descriptor.digest],
      ]),
    );
  });

  it.each(kinds)('through a layout, an archive and the store, to %s', async (_, target) => {
    const name = await pushed(await openRegistry());
    const folder = temporaryFolder();
    await copy(name, `oci:${folder}/layout:v1`);
    await copy(`oci:${folder}/layout:v1`, `oci-archive:${folder}/archive.tar:v1`);
    await copy(`oci-archive:${folder}/archive.tar:v1`, 'store:localhost/kept:v1');
    const { host } = await target();
    await lastValueFrom(rxfer.push(`${host}/copy:v1`, { ...all, source: 'localhost/kept:v1' }));
    await expectAll(`${host}/copy:v1`);
  });

  it('not unless they are asked for', async () => {
    const name = await pushed(await openRegistry());
    const { host } = await openRegistry();
    const result = await copy(name, `${host}/copy:v1`, {});
    expect(result).not.toHaveProperty('image.referrers');
    expect(await referrersOf(`${host}/copy:v1`)).toEqual([]);
  });

  it('before the image has its name', async () => {
    const name = await pushed(await openRegistry());
    const target = await openRegistry();
    await copy(name, `${target.host}/copy:v1`);
    const put = target.requests.filter(
      ({ method, path }) => method === 'PUT' && path.includes('manifests'),
    );
    expect(put.map(({ path }) => path).at(-1)).toBe('/v2/copy/manifests/v1');
    expect(put).toHaveLength(4);
  });

  it('those of each image where an index is copied whole', async () => {
    const registry = await openRegistry();
    const index = sampleIndex([image]);
    registry.addImage('app', 'v1', index);
    const ofIndex = sampleReferrer(index.descriptor, 'a/signature', 'of the index');
    for (const each of [ofIndex, signature]) {
      await pushSample(openClient(), `${registry.host}/app@${each.descriptor.digest}`, each);
    }
    const target = await openRegistry();
    await copy(`${registry.host}/app:v1`, `${target.host}/copy:v1`, { ...all, platforms: 'all' });
    expect(await referrersOf(`${target.host}/copy:v1`)).toEqual([ofIndex.descriptor.digest]);
    const { digest } = image.descriptor;
    expect(await referrersOf(`${target.host}/copy@${digest}`)).toEqual([
      signature.descriptor.digest,
    ]);
  });
});

describe('a layout with referrers', () => {
  it('has them in its index, and its only image without a tag all the same', async () => {
    const name = await pushed(await openRegistry());
    const folder = temporaryFolder();
    await copy(name, `oci:${folder}`);
    await copy(name, `oci:${folder}`);
    const file = join(folder, 'index.json');
    const { manifests } = JSON.parse(readFileSync(file, 'utf8')) as ImageIndex;
    expect(manifests).toHaveLength(4);
    expect(manifests).toContainEqual({
      mediaType: mediaTypes.ociManifest,
      digest: signature.descriptor.digest,
      size: signature.descriptor.size,
      artifactType: 'a/signature',
      annotations: { about: 'a/signature' },
    });
    const { host } = await openRegistry();
    await copy(`oci:${folder}`, `${host}/copy:v1`);
    await expectAll(`${host}/copy:v1`);
  });

  it('may have them on a list under a tag', async () => {
    const registry = await openRegistry({ without: ['referrers'] });
    const name = await pushed(registry);
    const folder = temporaryFolder();
    await copy(name, `oci:${folder}:v1`, {});
    const tag = image.descriptor.digest.replace(':', '-');
    await copy(`${registry.host}/app:${tag}`, `oci:${folder}:${tag}`, { platforms: 'all' });
    const { host } = await openRegistry();
    await copy(`oci:${folder}:v1`, `${host}/copy:v1`);
    expect(await referrersOf(`${host}/copy:v1`)).toEqual(
      [signature, contents].map((each) => each.descriptor.digest).sort(),
    );
  });
});

describe('what a layout lacks', () => {
  let other: SampleImage;
  let folder: string;
  const blobOf = ({ descriptor: { digest } }: SampleImage): string =>
    join(folder, 'blobs', digest.replace(':', '/'));

  beforeEach(async () => {
    const registry = await openRegistry();
    await copy(await pushed(registry), `oci:${(folder = temporaryFolder())}:v1`);
    other = await sampleImage({ layers: [[{ name: 'other', size: 10 }]] });
    registry.addImage('other', 'v2', other);
    await copy(`${registry.host}/other:v2`, `oci:${folder}:v2`);
  });

  /** The layout as it is, and as the archive that it makes. */
  async function places(): Promise<string[]> {
    const archive = join(temporaryFolder(), 'layout.tar');
    await promisify(execFile)('tar', ['-cf', archive, '-C', folder, '.']);
    return [`oci:${folder}`, `oci-archive:${archive}`];
  }

  it.each([
    ['gone', (file: string) => rmSync(file)],
    ['damaged', (file: string) => writeFileSync(file, readFileSync(file).reverse())],
    ['cut off', (file: string) => truncateSync(file, 20)],
    ['too large', (file: string) => truncateSync(file, 5e6)],
  ])('is no matter to the referrers of another image: %s', async (_, harm) => {
    harm(blobOf(other));
    for (const place of await places()) {
      const { host } = await openRegistry();
      await copy(`${place}:v1`, `${host}/copy:v1`);
      await expectAll(`${host}/copy:v1`);
      await expect(copy(`${place}:v2`, `${host}/copy:v2`)).rejects.toThrow();
      await expect(copy(place, `${host}/copy:v3`)).rejects.toMatchObject({
        code: 'ERR_IMAGE_NOT_FOUND',
        hint: 'Its tags are: v1, v2.',
      });
    }
  });

  it('is left out where a list under a tag has it', async () => {
    const gone = sampleReferrer(image.descriptor, 'a/signature', 'gone');
    const manifests = [gone.descriptor, signature.descriptor, other.descriptor];
    const mediaType = mediaTypes.ociIndex;
    const list = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
    const digest = digestOf(list);
    const name = image.descriptor.digest.replace(':', '-');
    const entry = {
      mediaType,
      digest,
      size: list.length,
      annotations: { 'org.opencontainers.image.ref.name': name },
    };
    writeFileSync(join(folder, 'blobs', digest.replace(':', '/')), list);
    const file = join(folder, 'index.json');
    const index = JSON.parse(readFileSync(file, 'utf8')) as ImageIndex;
    writeFileSync(file, JSON.stringify({ ...index, manifests: [...index.manifests, entry] }));
    for (const place of await places()) {
      const { host } = await openRegistry();
      await copy(`${place}:v1`, `${host}/copy:v1`);
      await expectAll(`${host}/copy:v1`);
    }
  });
});

describe('names in a layout', () => {
  const places: [string, () => string][] = [
    ['a layout', () => `oci:${temporaryFolder()}`],
    ['an archive', () => `oci-archive:${temporaryFolder()}/archive.tar`],
  ];
  it.each(places)("aren't chosen by referrers in %s", async (_, place) => {
    const registry = await openRegistry();
    const name = await pushed(registry);
    const hostile = ['v1', 'v2'].map((tag) =>
      sampleReferrer(image.descriptor, 'a/signature', `hostile ${tag}`, {
        'org.opencontainers.image.ref.name': tag,
        'io.containerd.image.name': `docker.io/library/app:${tag}`,
        about: 'nothing',
      }),
    );
    for (const each of hostile) {
      await pushSample(openClient(), `${registry.host}/app@${each.descriptor.digest}`, each);
    }
    const written = place();
    await copy(name, `${written}:v2`);
    const { host } = await openRegistry();
    await expect(copy(`${written}:v1`, `${host}/copy:v1`)).rejects.toMatchObject({
      code: 'ERR_IMAGE_NOT_FOUND',
    });
    const result = await copy(`${written}:v2`, `${host}/copy:v2`);
    const { digest } = image.descriptor;
    expect(result).toMatchObject({ image: { manifest: { digest } } });
    expect(await referrersOf(`${host}/copy:v2`)).toEqual(
      [signature, contents, ...hostile].map((each) => each.descriptor.digest).sort(),
    );
  });

  it("aren't there for other tools either, beside the referrers' other annotations", async () => {
    const registry = await openRegistry();
    registry.addImage('app', 'v1', image);
    const hostile = sampleReferrer(image.descriptor, 'a/signature', 'hostile', {
      'org.opencontainers.image.ref.name': 'v2',
      'io.containerd.image.name': 'docker.io/library/app:v2',
      about: 'nothing',
    });
    registry.addImage('app', 'signature', hostile);
    const folder = temporaryFolder();
    await copy(`${registry.host}/app:v1`, `oci:${folder}:v1`);
    const index = readFileSync(join(folder, 'index.json'), 'utf8');
    const { manifests } = JSON.parse(index) as ImageIndex;
    expect(manifests.map(({ annotations }) => annotations)).toEqual([
      { about: 'nothing' },
      { 'org.opencontainers.image.ref.name': 'v1' },
    ]);
  });

  it('stay where what they name is a referrer too', async () => {
    const { host } = await openRegistry();
    const name = await pushed({ host });
    const folder = temporaryFolder();
    const { digest } = signature.descriptor;
    await copy(`${host}/app@${digest}`, `oci:${folder}:signature`, {});
    await copy(name, `oci:${folder}:v1`);
    await copy(name, `oci:${folder}:v1`);
    const result = await copy(`oci:${folder}:signature`, `${host}/copy:v1`, {});
    expect(result).toMatchObject({ image: { manifest: { digest } } });
    const index = readFileSync(join(folder, 'index.json'), 'utf8');
    expect((JSON.parse(index) as ImageIndex).manifests).toHaveLength(5);
  });
});

describe('what is listed as a referrer', () => {
  let registry: TestRegistry;
  let name: string;

  /** What the list under the tag of the image has. */
  function list(entries: readonly Descriptor[]): void {
    const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries };
    const bytes = Buffer.from(JSON.stringify(document));
    const tag = image.descriptor.digest.replace(':', '-');
    registry.repository('app').put(tag, { mediaType: mediaTypes.ociIndex, bytes });
  }
  beforeEach(async () => {
    registry = await openRegistry({ without: ['referrers'] });
    name = await pushed(registry);
  });

  it('and gone, or no referrer of it, is left out', async () => {
    const gone = sampleReferrer(image.descriptor, 'a/signature', 'gone');
    list([gone.descriptor, second.descriptor, image.descriptor, signature.descriptor]);
    const { host } = await openRegistry();
    await copy(name, `${host}/copy:v1`);
    expect(await referrersOf(`${host}/copy:v1`)).toEqual([signature.descriptor.digest]);
  });

  it('with another size than it has is refused', async () => {
    list([{ ...signature.descriptor, size: 3 }]);
    await expect(copy(name, `oci:${temporaryFolder()}:v1`)).rejects.toMatchObject({
      code: 'ERR_SIZE_MISMATCH',
      digest: signature.descriptor.digest,
    });
  });

  it.each([
    ['too many', () => Array.from({ length: 1001 }, (_, index) => entryOf(index, 10))],
    ['too large together', () => Array.from({ length: 20 }, (_, index) => entryOf(index, 4e6))],
  ])('is refused where they are %s', async (_, entries) => {
    list(entries());
    await expect(copy(name, `oci:${temporaryFolder()}:v1`)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(?:IMAGE_TREE_LIMIT|LISTING_TOO_LONG)$/) as string,
    });
  });

  it('is refused where its pages are too large together', async () => {
    const paging = await openRegistry();
    name = await pushed(paging);
    for (const page of [0, 1, 2]) paging.inject(pageOf(page, 6e6));
    await expect(copy(name, `oci:${temporaryFolder()}:v1`)).rejects.toMatchObject({
      code: 'ERR_LISTING_TOO_LONG',
      message: 'The listing has more than 16777216 bytes',
    });
  });

  it('is refused where the lists of several images are too large together', async () => {
    const images = await Promise.all(
      Array.from({ length: 9 }, (_, size) => sampleImage({ layers: [[{ name: 'a', size }]] })),
    );
    const listing = await openRegistry();
    listing.addImage('app', 'v1', sampleIndex(images));
    for (let list = 0; list < 10; list++) listing.inject(pageOf(list, 8e6, {}));
    await expect(
      copy(`${listing.host}/app:v1`, `oci:${temporaryFolder()}:v1`, { ...all, platforms: 'all' }),
    ).rejects.toMatchObject({ code: 'ERR_IMAGE_TREE_LIMIT' });
  });

  it('is refused where one refers to the other more than 4 deep', async () => {
    let { descriptor } = second;
    for (const depth of [3, 4, 5]) {
      const next = sampleReferrer(descriptor, 'a/signature', `depth ${depth}`);
      await pushSample(openClient(), `${registry.host}/app@${next.descriptor.digest}`, next);
      ({ descriptor } = next);
    }
    await expect(copy(name, `oci:${temporaryFolder()}:v1`)).rejects.toMatchObject({
      code: 'ERR_IMAGE_TREE_LIMIT',
    });
  });

  it("can't go into an archive for docker load", async () => {
    await expect(
      copy(name, `docker-archive:${temporaryFolder()}/a.tar:app:v1`),
    ).rejects.toMatchObject({
      code: 'ERR_INVALID_LOCATION',
      hint: 'Copy to oci:FOLDER[:TAG] or oci-archive:FILE[:TAG], or leave the referrers out.',
    });
  });
});

/**
 * Of the answers that list referrers, the one of this number: a page of one entry that has this
 * many bytes. It leads on to the next unless told otherwise.
 */
function pageOf(
  number: number,
  length: number,
  headers: Readonly<Record<string, string>> = { link: `<?page=${number}>; rel="next"` },
): FaultRule {
  const entry = { ...entryOf(number, 10), annotations: { long: 'x'.repeat(length) } };
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entry] };
  const body = JSON.stringify(document);
  return {
    match: { path: /referrers/ },
    skip: number,
    times: 1,
    fault: { kind: 'status', status: 200, headers, body },
  };
}

function entryOf(index: number, size: number): Descriptor {
  return { mediaType: mediaTypes.ociManifest, digest: digestOf(`none ${index}`), size };
}

describe('a pull with referrers', () => {
  it('keeps them under the tag that stands for their list, and emits what came', async () => {
    const name = await pushed(await openRegistry());
    const result = await lastValueFrom(rxfer.pull(name, all));
    expect(result).toMatchObject({ kind: 'result', image: { layers: image.layers } });
    expect(result.kind === 'result' && result.image.referrers).toHaveLength(3);
    const { host } = await openRegistry({ without: ['referrers'] });
    await lastValueFrom(rxfer.push(`${host}/copy:v1`, { ...all, source: name }));
    await expectAll(`${host}/copy:v1`);
  });

  it('has a list as an image of its own, even of one referrer, which holds none for this machine', async () => {
    const registry = await openRegistry({ without: ['referrers'] });
    await pushSample(openClient(), `${registry.host}/app@${second.descriptor.digest}`, second);
    const tag = contents.descriptor.digest.replace(':', '-');
    const name = `${registry.host}/app:${tag}`;
    const result = await lastValueFrom(rxfer.pull(name, { platforms: 'all' }));
    expect(result).toMatchObject({ kind: 'result', image: { layers: second.layers } });
  });

  it('keeps those of each image of an index', async () => {
    const registry = await openRegistry();
    registry.addImage('app', 'v1', sampleIndex([image]));
    await pushSample(
      openClient(),
      `${registry.host}/app@${signature.descriptor.digest}`,
      signature,
    );
    const name = `${registry.host}/app:v1`;
    const result = await lastValueFrom(rxfer.pull(name, { ...all, platforms: 'all' }));
    expect(result.kind === 'result' && result.image.referrers).toHaveLength(1);
  });
});

describeWithPeers(['docker-registry'], 'referrers on docker-registry', () => {
  it('are copied to it and from it', async () => {
    const name = await pushed(await openRegistry());
    const [one, other] = await Promise.all([openDockerRegistry(), openDockerRegistry()]);
    await copy(name, `${one.host}/copy:v1`);
    await expectAll(`${one.host}/copy:v1`);
    await copy(`${one.host}/copy:v1`, `${other.host}/again:v1`);
    await expectAll(`${other.host}/again:v1`);
    const { host } = await openRegistry();
    await copy(`${other.host}/again:v1`, `${host}/copy:v1`);
    await expectAll(`${host}/copy:v1`);
  });
});
