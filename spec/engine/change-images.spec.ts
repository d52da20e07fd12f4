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
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';

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
