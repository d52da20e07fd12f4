import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filter, firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import {
  createRxfer,
  openDiskStore,
  type DiskStore,
  type Rxfer,
  type UnpackEvent,
  type UnpackLimits,
} from '../../src/index.js';
import { sampleImage, type SampleImage, type TestRegistry } from '../../src/testing/index.js';
import { closeAll, openClient, openRegistry } from '../support/loopback.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { describeTree } from '../support/tree.js';

let image: SampleImage;
let registry: TestRegistry;
let store: DiskStore;
let root: string;

beforeAll(async () => {
  image = await sampleImage({
    layers: [
      [
        { name: 'a/' },
        { name: 'a/gone', content: '1' },
        { name: 'b/' },
        { name: 'b/x', content: '' },
        { name: 'data', size: 1_500_000 },
      ],
      [{ name: 'a/.wh.gone' }, { name: 'b/.wh..wh..opq' }, { name: 'b/new', content: '2' }],
      [{ name: 'late', size: 1_500_000 }],
    ],
  });
});
beforeEach(async () => {
  registry = await openRegistry();
  registry.addImage('app', 'v1', image);
  store = await openDiskStore(temporaryFolder());
  root = join(temporaryFolder(), 'rootfs');
});
afterEach(closeAll);
afterAll(removeTemporaryFolders);

function rxferWith(mirrors: readonly string[] = [], into = store): Rxfer {
  const client = openClient({ mirrors });
  return createRxfer({ store: into, registry: client, delay: () => 1 });
}

const remote = (): string => `docker://${registry.host}/app:v1`;
const digest = (index: number): string => image.layers[index]!.digest;
const unpacked = (from: string, rxfer = rxferWith()): Promise<UnpackEvent[]> =>
  lastValueFrom(rxfer.unpack(from, root).pipe(toArray()));
const statuses = (index: number): number[] =>
  registry.requests.flatMap(({ method, path, status }) =>
    method === 'GET' && path.endsWith(digest(index)) ? [status] : [],
  );
const isMoving = (layer: number) => (event: UnpackEvent) =>
  event.kind === 'progress' &&
  digest(layer).includes(event.id) &&
  (event.progress.current ?? 0) > 100_000;

describe('an image that is unpacked as it arrives', () => {
  const places: [string, (folder: string) => string][] = [
    ['a registry', remote],
    ['an OCI layout', (folder) => `oci:${folder}/layout:v1`],
    ['an OCI archive', (folder) => `oci-archive:${folder}/oci.tar:v1`],
    ['an archive for docker load', (folder) => `docker-archive:${folder}/docker.tar:app:v1`],
  ];

  it.each(places)('from %s is what comes from the store', async (_, place) => {
    const folder = temporaryFolder();
    const from = place(folder);
    const elsewhere = rxferWith([], await openDiskStore(temporaryFolder()));
    const pulled = await lastValueFrom(elsewhere.pull(`${registry.host}/app:v1`));
    if (pulled.kind === 'result') pulled.release();
    await lastValueFrom(elsewhere.unpack(`${registry.host}/app:v1`, join(folder, 'stored')));
    if (from !== remote()) {
      await lastValueFrom(elsewhere.copy(`store:${registry.host}/app:v1`, from));
    }
    const events = await unpacked(from);
    expect(describeTree(root)).toEqual(describeTree(join(folder, 'stored')));
    expect(events[0]).toMatchObject({ kind: 'resolved', image: { layers: { length: 3 } } });
    const layers = events.filter((event) => event.kind === 'layer');
    expect(layers.map(({ index, applied }) => [index, applied.diffID])).toEqual([
      ...image.diffIDs.entries(),
    ]);
    expect(events.at(-1)).toMatchObject({ kind: 'result', directory: root, omissions: [] });
    expect(await store.usage()).toMatchObject({ blobs: { count: 0 }, layers: { count: 0 } });
  });

  it('has its layers one after the other', async () => {
    const events = await unpacked(remote());
    const arriving = events.flatMap((event) =>
      event.kind === 'progress' && (event.progress.current ?? 0) > 0 ? event.id : [],
    );
    expect(arriving.filter((id, index) => id !== arriving[index - 1])).toEqual(
      image.layers.map((layer) => layer.digest.slice('sha256:'.length).slice(0, 12)),
    );
  });

  it('has a layer each time that it stands there, with what is between', async () => {
    const twice = await sampleImage({
      layers: [
        [{ name: 'file', content: 'first' }],
        [{ name: 'file', content: 'second' }, { name: '.wh.gone' }],
        [{ name: 'file', content: 'first' }],
      ],
    });
    expect(twice.layers[0]!.digest).toBe(twice.layers[2]!.digest);
    registry.addImage('twice', 'v1', twice);
    await unpacked(`docker://${registry.host}/twice:v1`);
    expect(readFileSync(join(root, 'file'), 'utf8')).toBe('first');
  });

  it('goes on where a connection broke off', async () => {
    registry.inject({
      match: { method: 'GET', digest: image.layers[2]!.digest },
      times: 1,
      fault: { kind: 'truncate', afterBytes: 700_000 },
    });
    await unpacked(remote());
    expect(statuses(2)).toEqual([200, 206]);
    expect(readFileSync(join(root, 'late'))).toHaveLength(1_500_000);
  });

  it('is begun anew where bytes were wrong', async () => {
    registry.inject({
      match: { method: 'GET', digest: image.layers[2]!.digest },
      times: 1,
      fault: { kind: 'corrupt', offset: 1_000_000 },
    });
    const events = await unpacked(remote());
    const done = events.flatMap((event) => (event.kind === 'layer' ? event.index : []));
    expect(done).toEqual([0, 1, 0, 1, 2]);
    expect(readdirSync(root).sort()).toEqual(['a', 'b', 'data', 'late']);
  });

  it('comes from the next host where a mirror has wrong bytes', async () => {
    const mirror = await openRegistry();
    mirror.addImage('app', 'v1', image);
    mirror.inject({
      match: { digest: image.layers[0]!.digest },
      fault: { kind: 'corrupt', offset: 1_000_000 },
    });
    await unpacked(remote(), rxferWith([mirror.url]));
    expect(statuses(0)).not.toEqual([]);
    expect(existsSync(join(root, 'late'))).toBe(true);
  });

  it('that stays wrong is refused, and leaves an empty folder', async () => {
    registry.inject({
      match: { method: 'GET', digest: image.layers[2]!.digest },
      fault: { kind: 'corrupt', offset: 1_000_000 },
    });
    await expect(unpacked(remote())).rejects.toMatchObject({
      code: expect.stringMatching(/DIGEST_MISMATCH|INVALID_LAYER/) as unknown,
      digest: digest(2),
    });
    expect(readdirSync(root)).toEqual([]);
  });

  it('that its configuration contradicts is refused', async () => {
    const other = await sampleImage({ layers: [[{ name: 'other', content: 'x' }]] });
    const repository = registry.repository('lying');
    for (const [key, blob] of [...image.blobs, ...other.blobs]) repository.blobs.set(key, blob);
    const described = other.manifests.get(other.descriptor.digest)!;
    const manifest = JSON.parse(described.bytes.toString()) as object;
    const bytes = Buffer.from(JSON.stringify({ ...manifest, layers: [image.layers[1]] }));
    repository.put('v1', { mediaType: described.mediaType, bytes });
    await expect(unpacked(`docker://${registry.host}/lying:v1`)).rejects.toMatchObject({
      code: 'ERR_DIFF_ID_MISMATCH',
    });
    expect(readdirSync(root)).toEqual([]);
  });

  it.each<[string, UnpackLimits]>([
    ['bytes', { maxSize: 100_000 }],
    ['entries', { maxEntries: 2 }],
  ])("keeps to the store's limits of %s", async (_, limits) => {
    const strict = await openDiskStore(temporaryFolder(), { limits });
    await expect(unpacked(remote(), rxferWith([], strict))).rejects.toMatchObject({
      code: 'ERR_LAYER_LIMIT',
      digest: digest(0),
    });
    expect(readdirSync(root)).toEqual([]);
  });

  it('leaves an empty folder and no request when it is cancelled', async () => {
    registry.inject({
      match: { digest: image.layers[2]!.digest },
      fault: { kind: 'stall', afterBytes: 700_000 },
    });
    await firstValueFrom(
      rxferWith()
        .unpack(remote(), root)
        .pipe(filter(isMoving(2))),
    );
    // It is emptied in the background.
    while (readdirSync(root).length > 0) await new Promise(setImmediate);
    expect(readdirSync(root)).toEqual([]);
  });

  it('needs a folder that is empty, and leaves one alone that is not', async () => {
    await unpacked(remote());
    writeFileSync(join(root, 'mine'), 'mine');
    await expect(unpacked(remote())).rejects.toMatchObject({ code: 'ERR_FOLDER' });
    expect(readFileSync(join(root, 'mine'), 'utf8')).toBe('mine');
  });

  it('has no files of a store to share', async () => {
    const unpacked$ = rxferWith().unpack(remote(), root, { link: 'hard' });
    await expect(lastValueFrom(unpacked$)).rejects.toMatchObject({ code: 'ERR_INVALID_LOCATION' });
    expect(existsSync(root)).toBe(false);
  });
});
