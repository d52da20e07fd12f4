import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filter, firstValueFrom, forkJoin, last, lastValueFrom, tap, toArray } from 'rxjs';
import {
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  openDiskStore,
  parsePlatform,
  type PullEvent,
  type PullResultEvent,
  type Rxfer,
  type Store,
  type UnpackLimits,
} from '../../src/index.js';
import {
  sampleImage,
  sampleIndex,
  startRegistry,
  type SampleEntry,
  type TestRegistry,
} from '../../src/testing/index.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const base: SampleEntry[] = [{ name: 'etc/' }, { name: 'etc/os', content: 'sample' }];
const data = (name: string, size = 300_000): SampleEntry[] => [{ name, size }];

let registry: TestRegistry;
const client = createRegistryClient();

beforeEach(async () => {
  registry = await startRegistry();
});
afterEach(() => registry.close());
afterAll(async () => {
  await client.close();
  removeTemporaryFolders();
});

function rxferOn(store: Store): Rxfer {
  return createRxfer({ store, registry: client, delay: () => 1 });
}

async function pulled(events: Promise<PullEvent>): Promise<PullResultEvent> {
  const event = await events;
  if (event.kind !== 'result') throw new Error('no result');
  event.release();
  return event;
}

const stores: [string, () => Promise<Store>][] = [
  ['memory', () => Promise.resolve(createMemoryStore())],
  ['disk', () => openDiskStore(temporaryFolder())],
];

describe.each(stores)('pull into a store in %s', (_, open) => {
  it('brings every layer and records the image under its full name', async () => {
    const image = await sampleImage({ layers: [base, data('a'), data('b')] });
    registry.addImage('app', 'v1', image);
    const store = await open();
    const events = await lastValueFrom(
      rxferOn(store).pull(`${registry.host}/app:v1`).pipe(toArray()),
    );
    expect(events[0]).toMatchObject({ kind: 'resolved', image: { layers: image.layers } });
    expect(events.at(-1)).toMatchObject({
      kind: 'result',
      image: {
        reference: `${registry.host}/app:v1`,
        manifest: { digest: image.descriptor.digest },
        platform: { os: 'linux', architecture: 'amd64' },
        diffIDs: image.diffIDs,
        statuses: ['pulled', 'pulled', 'pulled'],
      },
      bytes: image.layers.reduce((sum, { size }) => sum + size, 0),
    });
    expect(await store.images.list()).toMatchObject([
      { reference: `${registry.host}/app:v1`, resolved: image.descriptor.digest },
    ]);
  });

  it('fetches nothing of what is there', async () => {
    const image = await sampleImage({ layers: [base, data('a')] });
    registry.addImage('app', 'v1', image);
    const rxfer = rxferOn(await open());
    await pulled(lastValueFrom(rxfer.pull(`${registry.host}/app:v1`)));
    const before = registry.requests.length;
    const again = await pulled(lastValueFrom(rxfer.pull(`${registry.host}/app:v1`)));
    expect(again.image.statuses).toEqual(['exists', 'exists']);
    expect(again.bytes).toBe(0);
    expect(registry.requests.slice(before).map(({ path }) => path)).toEqual([
      '/v2/app/manifests/v1',
    ]);
  });

  it.each([{}, { platforms: 'all' as const }, { referrers: 'all' as const }])(
    'leaves the layers to whoever takes the result and goes, with %j',
    async (options) => {
      registry.addImage('app', 'v1', sampleIndex([await sampleImage({ layers: [base] })]));
      const store = await openDiskStore(temporaryFolder());
      const result$ = rxferOn(store)
        .pull(`${registry.host}/app:v1`, options)
        .pipe(filter((event) => event.kind === 'result'));
      const { release } = await firstValueFrom(result$);
      await store.images.delete(`${registry.host}/app:v1`);
      expect((await store.collect()).layers).toHaveLength(0);
      release();
      expect((await store.collect()).layers).toHaveLength(1);
    },
  );

  it('fetches a configuration anew that is damaged in the store', async () => {
    const image = await sampleImage({ layers: [base] });
    registry.addImage('app', 'v1', image);
    const store = await open();
    const rxfer = rxferOn(store);
    const first = await pulled(lastValueFrom(rxfer.pull(`${registry.host}/app:v1`)));
    const read = jest
      .spyOn(store.blobs, 'read')
      .mockImplementation(() => Promise.resolve(Buffer.from('{}')));
    const again = await pulled(lastValueFrom(rxfer.pull(`${registry.host}/app:v1`)));
    read.mockRestore();
    expect(again.image.diffIDs).toEqual(first.image.diffIDs);
  });

  it('fetches a blob once that two images share, at whatever depth', async () => {
    const one = await sampleImage({ layers: [base, data('shared'), data('one')] });
    const two = await sampleImage({ layers: [data('shared'), data('two')] });
    registry.addImage('one', 'v1', one);
    registry.addImage('two', 'v1', two);
    const rxfer = rxferOn(await open());
    await lastValueFrom(
      forkJoin([
        rxfer.pull(`${registry.host}/one:v1`).pipe(last()),
        rxfer.pull(`${registry.host}/two:v1`).pipe(last()),
      ]),
    );
    const shared = one.layers[1];
    expect(shared?.digest).toBe(two.layers[0]?.digest);
    expect(registry.bytesServed(shared?.digest)).toBe(shared?.size);
  });

  it('fetches a layer once that stands twice in one image', async () => {
    const image = await sampleImage({ layers: [data('twice'), base, data('twice')] });
    registry.addImage('app', 'v1', image);
    const { image: result } = await pulled(
      lastValueFrom(rxferOn(await open()).pull(`${registry.host}/app:v1`)),
    );
    expect(result.chainIDs).toHaveLength(3);
    expect(registry.bytesServed(image.layers[0]?.digest)).toBe(image.layers[0]?.size);
  });

  it('resumes where a connection broke off', async () => {
    const image = await sampleImage({ layers: [data('big', 2_000_000)] });
    registry.addImage('app', 'v1', image);
    const [layer] = image.layers;
    registry.inject({
      match: { method: 'GET', digest: layer!.digest },
      times: 1,
      fault: { kind: 'truncate', afterBytes: 1_000_000 },
    });
    const events = await lastValueFrom(
      rxferOn(await open())
        .pull(`${registry.host}/app:v1`)
        .pipe(toArray()),
    );
    expect(events.some((e) => e.kind === 'progress' && e.progress.phase === 'Retrying')).toBe(true);
    const ranges = registry.requests.filter(({ path }) => path.endsWith(layer!.digest));
    expect(ranges.map(({ status }) => status)).toEqual([200, 206]);
  });

  it('fetches a corrupt blob anew once, and then refuses it', async () => {
    const image = await sampleImage({ layers: [data('a')] });
    registry.addImage('app', 'v1', image);
    const [layer] = image.layers;
    registry.inject({
      match: { method: 'GET', digest: layer!.digest },
      fault: { kind: 'corrupt', offset: 200_000 },
    });
    const store = await open();
    await expect(
      lastValueFrom(rxferOn(store).pull(`${registry.host}/app:v1`)),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/DIGEST_MISMATCH|INVALID_LAYER/) as unknown,
    });
    expect(await store.images.list()).toEqual([]);
    expect(await store.blobs.size(layer!.digest)).toBeUndefined();
  });

  it('leaves a store that works when it is cancelled in the middle', async () => {
    const image = await sampleImage({ layers: [base, data('big', 2_000_000)] });
    registry.addImage('app', 'v1', image);
    registry.inject({
      match: { digest: image.layers[1]!.digest },
      times: 1,
      fault: { kind: 'stall', afterBytes: 500_000 },
    });
    const store = await open();
    const rxfer = rxferOn(store);
    // Unsubscribes at the first bytes of the large layer.
    await firstValueFrom(
      rxfer
        .pull(`${registry.host}/app:v1`)
        .pipe(
          filter(
            (event) =>
              event.kind === 'progress' &&
              event.progress.phase === 'Downloading' &&
              (event.progress.current ?? 0) > 100_000,
          ),
        ),
    );
    expect(await store.images.list()).toEqual([]);
    const result = await pulled(lastValueFrom(rxfer.pull(`${registry.host}/app:v1`)));
    expect(result.image.statuses).toHaveLength(2);
    const resumed = registry.requests.filter(({ path }) => path.endsWith(image.layers[1]!.digest));
    expect(resumed.at(-1)?.status).toBe(206);
  });
});

it.each<[string, UnpackLimits]>([
  ['of bytes', { maxSize: 100_000 }],
  ['of entries', { maxEntries: 1 }],
])('a layer above a limit %s is refused at once', async (_, limits) => {
  const image = await sampleImage({ layers: [[...base, ...data('more')]] });
  registry.addImage('app', 'v1', image);
  const stores = [
    createMemoryStore({ limits }),
    await openDiskStore(temporaryFolder(), { limits }),
  ];
  for (const store of stores) {
    const events: PullEvent[] = [];
    const pull$ = rxferOn(store).pull(`${registry.host}/app:v1`);
    await expect(
      lastValueFrom(pull$.pipe(tap((event) => events.push(event)))),
    ).rejects.toMatchObject({
      code: 'ERR_LAYER_LIMIT',
      digest: image.layers[0]!.digest,
    });
    expect(events.filter((e) => e.kind === 'progress' && e.progress.phase === 'Retrying')).toEqual(
      [],
    );
  }
});

describe('an index', () => {
  const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];

  it.each(['oci', 'docker'] as const)('of %s is followed by platform', async (mediaTypes) => {
    const images = await Promise.all(
      platforms.map((platform) =>
        sampleImage({ layers: [data(platform)], platform: parsePlatform(platform), mediaTypes }),
      ),
    );
    const index = sampleIndex(images, { mediaTypes });
    registry.addImage('app', 'v1', index);
    const rxfer = rxferOn(createMemoryStore());
    for (const [place, text] of platforms.entries()) {
      const platform = parsePlatform(text);
      const { image } = await pulled(
        lastValueFrom(rxfer.pull(`${registry.host}/app:v1`, { platform })),
      );
      expect(image.manifest.digest).toBe(images[place]?.descriptor.digest);
      expect(image.resolved).toBe(index.descriptor.digest);
    }
  });

  it('without the platform says which ones there are', async () => {
    const image = await sampleImage({ layers: [base], platform: parsePlatform('linux/s390x') });
    registry.addImage('app', 'v1', sampleIndex([image]));
    const platform = parsePlatform('linux/amd64');
    await expect(
      lastValueFrom(rxferOn(createMemoryStore()).pull(`${registry.host}/app:v1`, { platform })),
    ).rejects.toMatchObject({
      code: 'ERR_PLATFORM_NOT_FOUND',
      message: expect.stringContaining('linux/s390x') as unknown,
    });
  });
});

describe('push and copy', () => {
  it('keep the digest on the way registry, store, registry, layout, store', async () => {
    const image = await sampleImage({ layers: [base, data('a')], mediaTypes: 'docker' });
    registry.addImage('app', 'v1', image);
    const rxfer = rxferOn(createMemoryStore());
    const { host } = registry;
    await pulled(lastValueFrom(rxfer.pull(`${host}/app:v1`)));
    await lastValueFrom(rxfer.push(`${host}/copy:v2`, { source: `${host}/app:v1` }));
    expect(registry.repository('copy').tags.get('v2')).toBe(image.descriptor.digest);
    const folder = join(temporaryFolder(), 'layout');
    await lastValueFrom(rxfer.copy(`${host}/copy:v2`, `oci:${folder}:v3`));
    const back = rxferOn(createMemoryStore());
    const result = await lastValueFrom(back.copy(`oci:${folder}:v3`, 'store:local/app:v4'));
    expect(result).toMatchObject({
      image: { manifest: { digest: image.descriptor.digest }, diffIDs: image.diffIDs },
    });
  });

  it('leave the files of a layout alone that are right, and mend the others', async () => {
    registry.addImage('app', 'v1', await sampleImage({ layers: [base, data('a')] }));
    const rxfer = rxferOn(createMemoryStore());
    const folder = temporaryFolder();
    const written = (): Map<string, number> => {
      const files = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      return new Map(files.map((file) => [file, statSync(file).ino]));
    };
    const copy = () => lastValueFrom(rxfer.copy(`${registry.host}/app:v1`, `oci:${folder}:v1`));
    await copy();
    const first = written();
    const { manifests } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
      manifests: { digest: string }[];
    };
    await copy();
    expect(written()).toEqual(first);
    const manifest = join(folder, 'blobs', manifests[0]!.digest.replace(':', '/'));
    const bytes = readFileSync(manifest);
    writeFileSync(manifest, Buffer.alloc(bytes.length));
    await copy();
    expect(readFileSync(manifest).equals(bytes)).toBe(true);
    expect([...written().keys()].sort()).toEqual([...first.keys()].sort());
  });

  it('mounts from the repository that an image came from, and skips what is there', async () => {
    const image = await sampleImage({ layers: [base, data('a')] });
    registry.addImage('app', 'v1', image);
    const rxfer = rxferOn(createMemoryStore());
    const { host } = registry;
    await pulled(lastValueFrom(rxfer.pull(`${host}/app:v1`)));
    const phases = async (): Promise<Set<string>> => {
      const push$ = rxfer.push(`${host}/copy:v1`, { source: `${host}/app:v1` });
      const events = await lastValueFrom(push$.pipe(toArray()));
      return new Set(events.flatMap((e) => (e.kind === 'progress' ? e.progress.phase : [])));
    };
    expect(await phases()).toContain('Mounted from app');
    expect(await phases()).toContain('Layer already exists');
  });
});

describe('unpack', () => {
  it('applies the layers and their whiteouts', async () => {
    const image = await sampleImage({
      layers: [
        [
          { name: 'a/' },
          { name: 'a/gone', content: '1' },
          { name: 'b/' },
          { name: 'b/x', content: '' },
        ],
        [{ name: 'a/.wh.gone' }, { name: 'b/.wh..wh..opq' }, { name: 'b/new', content: '2' }],
      ],
    });
    registry.addImage('app', 'v1', image);
    const rxfer = rxferOn(createMemoryStore());
    await pulled(lastValueFrom(rxfer.pull(`${registry.host}/app:v1`)));
    const folder = join(temporaryFolder(), 'root');
    await lastValueFrom(rxfer.unpack(`${registry.host}/app:v1`, folder));
    expect(existsSync(join(folder, 'a/gone'))).toBe(false);
    expect(existsSync(join(folder, 'b/x'))).toBe(false);
    expect(readFileSync(join(folder, 'b/new'), 'utf8')).toBe('2');
    await expect(
      lastValueFrom(rxfer.unpack(`${registry.host}/app:v1`, folder)),
    ).rejects.toMatchObject({ code: 'ERR_FOLDER' });
  });

  it("keeps to the store's limits", async () => {
    registry.addImage('app', 'v1', await sampleImage({ layers: [base, data('a')] }));
    const directory = temporaryFolder();
    const reference = `${registry.host}/app:v1`;
    await pulled(lastValueFrom(rxferOn(await openDiskStore(directory)).pull(reference)));
    const strict = rxferOn(await openDiskStore(directory, { limits: { maxSize: 200_000 } }));
    const folder = join(temporaryFolder(), 'rootfs');
    await expect(lastValueFrom(strict.unpack(reference, folder))).rejects.toMatchObject({
      code: 'ERR_LAYER_LIMIT',
      digest: expect.any(String) as unknown,
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});
