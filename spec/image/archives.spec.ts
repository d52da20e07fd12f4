import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { firstValueFrom, filter, lastValueFrom } from 'rxjs';
import {
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  digestHex,
  type PullEvent,
  type CopyEvent,
  type Rxfer,
} from '../../src/index.js';
import { sampleImage, type SampleEntry, type SampleImage } from '../../src/testing/index.js';
import { describeWithPeers } from '../support/peers.js';
import { rawTar, type RawEntry } from '../support/raw-tar.js';
import { run } from '../support/run.js';
import { writeSampleLayout } from '../support/sample-layout.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const entries: SampleEntry[] = [
  { name: 'etc/' },
  { name: 'etc/os', content: 'sample' },
  { name: 'data', size: 300_000 },
];
const more: SampleEntry[] = [{ name: 'more', size: 70_001 }];

const client = createRegistryClient();
let rxfer: Rxfer;
let folder: string;
let image: SampleImage;

beforeAll(async () => {
  // The first layer is there twice.
  image = await sampleImage({ layers: [entries, more, entries] });
});
beforeEach(() => {
  rxfer = createRxfer({ store: createMemoryStore(), registry: client, delay: () => 1 });
  folder = temporaryFolder();
  mkdirSync(join(folder, 'layout'));
  writeSampleLayout(join(folder, 'layout'), 'v1', image);
});
afterAll(async () => {
  await client.close();
  removeTemporaryFolders();
});

async function copy(source: string, destination: string): Promise<PullEvent | CopyEvent> {
  const event = await lastValueFrom(rxfer.copy(source, destination));
  if ('release' in event) event.release();
  return event;
}

const files = (): string[] => readdirSync(folder).filter((name) => name !== 'layout');

describe('an OCI archive', () => {
  it('has the image under its digest, there and back', async () => {
    const archive = `oci-archive:${folder}/image.tar:v1`;
    await copy(`oci:${folder}/layout:v1`, archive);
    await copy(archive, 'store:app:v1');
    await copy('store:app:v1', `oci-archive:${folder}/again.tar:v1`);
    expect(await copy(`oci-archive:${folder}/again.tar`, 'store:app:v2')).toMatchObject({
      kind: 'result',
      image: { manifest: { digest: image.descriptor.digest }, diffIDs: image.diffIDs },
    });
    expect(files()).toEqual(['again.tar', 'image.tar']);
  });

  it('is replaced as a whole, and left alone by a copy that fails', async () => {
    const file = join(folder, 'image.tar');
    await copy(`oci:${folder}/layout:v1`, `oci-archive:${file}:one`);
    const before = readFileSync(file);
    const layer = join(folder, 'layout', 'blobs', 'sha256', digestHex(image.layers[1]!.digest));
    const bytes = readFileSync(layer);
    bytes[1000]! ^= 1;
    writeFileSync(layer, bytes);
    await expect(copy(`oci:${folder}/layout:v1`, `oci-archive:${file}:two`)).rejects.toMatchObject({
      code: 'ERR_DIGEST_MISMATCH',
    });
    // By now, the temporary file is gone, too.
    expect(files()).toEqual(['image.tar']);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('leaves nothing behind when its copy is cancelled', async () => {
    await firstValueFrom(
      rxfer
        .copy(`oci:${folder}/layout:v1`, `oci-archive:${folder}/image.tar:v1`)
        .pipe(filter((event) => event.kind === 'progress' && event.progress.phase === 'Pushing')),
    );
    while (files().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(existsSync(join(folder, 'image.tar'))).toBe(false);
  });

  it('is asked for the tags it has', async () => {
    await copy(`oci:${folder}/layout:v1`, `oci-archive:${folder}/image.tar:v1`);
    await expect(copy(`oci-archive:${folder}/image.tar:v2`, 'store:a')).rejects.toMatchObject({
      code: 'ERR_IMAGE_NOT_FOUND',
      hint: expect.stringContaining('v1') as unknown,
    });
  });
});

describe('a Docker archive', () => {
  it('has the image under its configuration, there and back', async () => {
    const archive = `docker-archive:${folder}/image.tar:example/app:v1`;
    await copy(`oci:${folder}/layout:v1`, archive);
    const event = await copy(archive, 'store:app:v1');
    expect(event).toMatchObject({ kind: 'result', image: { diffIDs: image.diffIDs } });
    // Docker's form has no manifest: the one that is made is the same each time.
    const again = await copy(`docker-archive:${folder}/image.tar`, 'store:app:v2');
    const digest = (e: PullEvent | CopyEvent): unknown => e.kind === 'result' && e.image.manifest;
    expect(digest(again)).toEqual(digest(event));
  });

  it('is asked for the references it has', async () => {
    await copy(`oci:${folder}/layout:v1`, `docker-archive:${folder}/image.tar:app:v1`);
    await expect(
      copy(`docker-archive:${folder}/image.tar:app:v2`, 'store:a'),
    ).rejects.toMatchObject({
      code: 'ERR_IMAGE_NOT_FOUND',
      hint: expect.stringContaining('app:v1') as unknown,
    });
  });

  it('of older versions has links for layers that are there twice', async () => {
    const config = [...image.blobs].find(([digest]) => digest === configDigest(image))![1];
    const plain = await sampleImage({ layers: [entries, more], compression: 'none' });
    const [one, two] = plain.layers.map(({ digest }) => plain.blobs.get(digest)!);
    const saved = [
      { Config: 'c.json', RepoTags: null, Layers: ['a/layer.tar', 'b/layer.tar', 'c/layer.tar'] },
    ];
    const tar: RawEntry[] = [
      { name: 'a/layer.tar', data: one! },
      { name: 'b/layer.tar', data: two! },
      { name: 'c/layer.tar', flag: '2', linkname: '../a/layer.tar' },
      { name: 'c.json', data: config },
      { name: 'manifest.json', data: JSON.stringify(saved) },
    ];
    writeFileSync(join(folder, 'old.tar'), rawTar(tar));
    expect(await copy(`docker-archive:${folder}/old.tar`, 'store:app:v1')).toMatchObject({
      image: { diffIDs: image.diffIDs },
    });
  });

  it('is asked for the place of an image that has no name', async () => {
    const two = await sampleImage({ layers: [entries], compression: 'none' });
    const [name] = two.layers.map(({ digest }) => digest);
    const saved = [
      { Config: 'none.json', RepoTags: ['app:v1'], Layers: [] },
      { Config: 'c.json', RepoTags: [], Layers: [name] },
    ];
    const tar: RawEntry[] = [
      { name: name!, data: two.blobs.get(name!)! },
      { name: 'c.json', data: two.blobs.get(configDigest(two))! },
      { name: 'manifest.json', data: JSON.stringify(saved) },
    ];
    const archive = `docker-archive:${folder}/two.tar`;
    writeFileSync(join(folder, 'two.tar'), rawTar(tar));
    expect(await copy(`${archive}:@1`, 'store:app:v1')).toMatchObject({
      image: { diffIDs: two.diffIDs },
    });
    for (const wrong of [archive, `${archive}:@2`]) {
      await expect(copy(wrong, 'store:a')).rejects.toMatchObject({
        code: 'ERR_IMAGE_NOT_FOUND',
        hint: 'It holds: app:v1, @1, without a name.',
      });
    }
    await expect(copy(`oci:${folder}/layout:v1`, `${archive}:@0`)).rejects.toMatchObject({
      code: 'ERR_INVALID_LOCATION',
    });
  });

  it('of newer versions may have compressed layers', async () => {
    const saved = [
      { Config: 'c.json', RepoTags: ['app:v1'], Layers: image.layers.map(({ digest }) => digest) },
    ];
    const tar: RawEntry[] = [
      ...image.layers.map(({ digest }) => ({ name: digest, data: image.blobs.get(digest)! })),
      { name: 'c.json', data: image.blobs.get(configDigest(image))! },
      { name: 'manifest.json', data: JSON.stringify(saved) },
    ];
    writeFileSync(join(folder, 'new.tar'), rawTar(tar));
    expect(await copy(`docker-archive:${folder}/new.tar:app:v1`, 'store:a')).toMatchObject({
      image: { diffIDs: image.diffIDs, layers: image.layers.map(({ digest }) => ({ digest })) },
    });
  });
});

describe('an archive that is none', () => {
  const good: RawEntry[] = [{ name: 'manifest.json', data: '[]' }];
  it.each<[string, Buffer, RegExp]>([
    ['is compressed', gzipSync(rawTar(good)), /compressed with gzip/],
    ['is no tar', Buffer.alloc(2048, 'text'), /isn't a tar/],
    ['is truncated', rawTar([{ name: 'manifest.json', size: 4096 }], Buffer.alloc(0)), /truncated/],
    ['lacks its manifest', rawTar([{ name: 'x' }]), /no (manifest|index)\.json/],
    ['has a malformed manifest', rawTar([{ name: 'manifest.json', data: '{' }]), /json/],
    [
      'has a manifest of absurd size',
      rawTar([
        { name: 'manifest.json', data: Buffer.alloc(5_000_000) },
        { name: 'index.json', flag: '1', linkname: 'manifest.json' },
      ]),
      /5000000 bytes/,
    ],
  ])('because it %s is refused', async (_, bytes, problem) => {
    const file = join(folder, 'bad.tar');
    writeFileSync(file, bytes);
    const error = { code: 'ERR_ARCHIVE', message: expect.stringMatching(problem) as unknown };
    await expect(copy(`docker-archive:${file}`, 'store:a')).rejects.toMatchObject(error);
    await expect(copy(`oci-archive:${file}`, 'store:a')).rejects.toMatchObject({
      code: 'ERR_ARCHIVE',
    });
  });

  it('because it is not there, or cannot be written, says so', async () => {
    await expect(copy('oci-archive:/nowhere/x.tar', 'store:a')).rejects.toMatchObject({
      code: 'ERR_ARCHIVE',
      message: "The archive /nowhere/x.tar can't be used: there is no such file",
    });
    await expect(
      copy(`oci:${folder}/layout:v1`, 'docker-archive:/nowhere/x.tar'),
    ).rejects.toMatchObject({ message: expect.stringContaining('/nowhere/x.tar') as unknown });
  });
});

describeWithPeers(['skopeo'], 'archives and skopeo', () => {
  const skopeo = (...args: string[]): Promise<string> => run('skopeo', 'copy', '-q', ...args);

  it('skopeo reads the OCI archive, and writes one that comes in', async () => {
    await copy(`oci:${folder}/layout:v1`, `oci-archive:${folder}/ours.tar:v1`);
    await skopeo(`oci-archive:${folder}/ours.tar:v1`, `oci:${folder}/back:v1`);
    const index = JSON.parse(readFileSync(join(folder, 'back', 'index.json'), 'utf8')) as {
      manifests: { digest: string }[];
    };
    expect(index.manifests[0]?.digest).toBe(image.descriptor.digest);
    await skopeo(`oci:${folder}/layout:v1`, `oci-archive:${folder}/theirs.tar:v1`);
    expect(await copy(`oci-archive:${folder}/theirs.tar:v1`, 'store:app:v1')).toMatchObject({
      image: { manifest: { digest: image.descriptor.digest } },
    });
  });

  it('skopeo reads the Docker archive, and writes one that comes in', async () => {
    await copy(`oci:${folder}/layout:v1`, `docker-archive:${folder}/ours.tar:example/app:v1`);
    const inspect = await run('skopeo', 'inspect', '--config', `docker-archive:${folder}/ours.tar`);
    expect(JSON.parse(inspect)).toMatchObject({ rootfs: { diff_ids: image.diffIDs } });
    await skopeo(
      `docker-archive:${folder}/ours.tar:example/app:v1`,
      `docker-archive:${folder}/theirs.tar:example/app:v2`,
    );
    expect(
      await copy(`docker-archive:${folder}/theirs.tar:example/app:v2`, 'store:app:v1'),
    ).toMatchObject({ image: { diffIDs: image.diffIDs } });
    expect(statSync(join(folder, 'ours.tar')).size).toBeGreaterThan(300_000);
  });
});

function configDigest({ manifests, descriptor }: SampleImage): SampleImage['descriptor']['digest'] {
  const { bytes } = manifests.get(descriptor.digest)!;
  const manifest = JSON.parse(bytes.toString()) as { config: SampleImage['descriptor'] };
  return manifest.config.digest;
}
