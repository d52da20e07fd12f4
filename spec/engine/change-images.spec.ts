import { asyncScheduler, lastValueFrom } from 'rxjs';
import {
  pruneImages,
  removeImage,
  type ChangeOptions,
  type EngineStore,
} from '../../src/engine/change-images.js';
import { EngineEvents } from '../../src/engine/engine-events.js';
import { StoredImages } from '../../src/engine/stored-images.js';
import { createRxfer } from '../../src/image/index.js';
import { createMemoryStore, type ImageRecord } from '../../src/layer/index.js';
import { createRegistryClient } from '../../src/registry/index.js';
import {
  sampleImage,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { pushSample } from '../support/push-sample.js';
import { sampleReferrer } from '../support/sample-referrer.js';

/** The store, in which something happens as soon as the images have been listed. */
function changingStore(store: EngineStore, change: () => Promise<void>): EngineStore {
  const { layers, blobs } = store;
  const images: EngineStore['images'] = {
    get: (reference) => store.images.get(reference),
    put: (record, documents) => store.images.put(record, documents),
    delete: (reference) => store.images.delete(reference),
    list: async () => {
      const records = await store.images.list();
      await change();
      return records;
    },
  };
  return { layers, blobs, images };
}

describe('a name that is given to another image meanwhile', () => {
  let registry: TestRegistry;
  let store: EngineStore;
  let options: ChangeOptions;
  let moved: ImageRecord;
  const name = (): string => `${registry.host}/app:v1`;

  beforeEach(async () => {
    registry = await startRegistry();
    store = createMemoryStore();
    const client = createRegistryClient();
    const rxfer = createRxfer({ store, registry: client });
    for (const tag of ['v1', 'v2']) {
      registry.addImage('app', tag, await sampleImage({ layers: [[{ name: tag, size: 100 }]] }));
      const event = await lastValueFrom(rxfer.pull(`${registry.host}/app:${tag}`));
      if (event.kind === 'result') event.release();
    }
    await client.close();
    const [, other] = await store.images.list();
    moved = { ...other!, reference: name() };
    const changing = changingStore(store, () => store.images.put(moved, []));
    const images = new StoredImages(changing);
    options = { store: changing, images, events: new EngineEvents(asyncScheduler) };
  });
  afterEach(() => registry.close());

  it('is left alone by a pruning', async () => {
    const pruned = await pruneImages(options, ({ records }) =>
      records.some(({ reference }) => reference === name()),
    );
    expect(pruned.ImagesDeleted).toEqual([]);
    expect(await store.images.get(name())).toEqual(moved);
  });

  it('is left alone by the removal of the image that had it', async () => {
    const how = { severalNames: 'refuse', space: 'free' } as const;
    expect(await removeImage(options, name(), how)).toEqual([]);
    expect(await store.images.get(name())).toEqual(moved);
  });
});

describe('a name that another request removes meanwhile', () => {
  it('is not found, rather than removed twice', async () => {
    const registry = await startRegistry();
    registry.addImage('app', 'v1', await sampleImage({ layers: [[{ name: 'a', size: 100 }]] }));
    const client = createRegistryClient();
    const store = createMemoryStore();
    const name = `${registry.host}/app:v1`;
    const event = await lastValueFrom(createRxfer({ store, registry: client }).pull(name));
    if (event.kind === 'result') event.release();
    await client.close();
    await registry.close();
    const changing = changingStore(store, async () => {
      await store.images.delete(name);
    });
    const options = {
      store: changing,
      images: new StoredImages(changing),
      events: new EngineEvents(asyncScheduler),
    };
    const how = { severalNames: 'refuse', space: 'free' } as const;
    await expect(removeImage(options, name, how)).rejects.toMatchObject({
      code: 'ERR_IMAGE_NOT_FOUND',
    });
  });
});

describe('the list of what refers to an image', () => {
  let registry: TestRegistry;
  let options: ChangeOptions;
  let image: SampleImage;
  const name = (): string => `${registry.host}/app:v1`;
  const list = (): string => `${registry.host}/app:${image.descriptor.digest.replace(':', '-')}`;
  const names = async (): Promise<string[]> =>
    (await options.store.images.list()).map(({ reference }) => reference).sort();

  beforeEach(async () => {
    registry = await startRegistry();
    const client = createRegistryClient();
    image = await sampleImage({ layers: [[{ name: 'file', size: 100 }]] });
    const referrer = sampleReferrer(image.descriptor, 'a/signature', 'one');
    await pushSample(client, name(), image);
    await pushSample(client, `${registry.host}/app@${referrer.descriptor.digest}`, referrer);
    const store = createMemoryStore();
    const rxfer = createRxfer({ store, registry: client });
    const event = await lastValueFrom(rxfer.pull(name(), { referrers: 'all' }));
    if (event.kind === 'result') event.release();
    await client.close();
    const images = new StoredImages(store);
    options = { store, images, events: new EngineEvents(asyncScheduler) };
    expect(await names()).toEqual([list(), name()].sort());
  });
  afterEach(() => registry.close());

  it('goes with it when it is removed', async () => {
    const how = { severalNames: 'refuse', space: 'free' } as const;
    const removals = await removeImage(options, name(), how);
    expect(removals).toContainEqual({ Untagged: list() });
    expect(await names()).toEqual([]);
  });

  it('goes with it when it is pruned', async () => {
    const pruned = await pruneImages(options, ({ records }) =>
      records.some(({ reference }) => reference === name()),
    );
    expect(pruned.ImagesDeleted).toContainEqual({ Untagged: list() });
    expect(await names()).toEqual([]);
  });
});
