import { lastValueFrom } from 'rxjs';
import {
  createMemoryStore,
  createRxfer,
  mediaTypes,
  openDiskStore,
  type Store,
} from '../../src/index.js';
import { sampleImage } from '../../src/testing/index.js';
import { closeAll, openClient, openRegistry } from '../support/loopback.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

afterEach(closeAll);
afterAll(removeTemporaryFolders);

const stores: [string, () => Store | Promise<Store>][] = [
  ['memory', () => createMemoryStore()],
  ['disk', () => openDiskStore(temporaryFolder())],
];

describe.each(stores)('the documents of a store in %s', (_where, open) => {
  it("stay where another image's manifest states a wrong size of one", async () => {
    const image = await sampleImage({ layers: [[{ name: 'a', size: 10 }]] });
    const registry = await openRegistry();
    registry.addImage('app', 'v1', image);
    const store = await open();
    const rxfer = createRxfer({ store, registry: openClient(), delay: () => 1 });
    await lastValueFrom(rxfer.pull(`${registry.host}/app:v1`));
    const { digest, size } = image.descriptor;
    const hostile = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest, size: size + 1 },
      layers: [],
    };
    const other = registry.repository('other');
    other.put('v1', {
      mediaType: mediaTypes.ociManifest,
      bytes: Buffer.from(JSON.stringify(hostile)),
    });
    other.blobs.set(digest, image.manifests.get(digest)!.bytes);
    await expect(lastValueFrom(rxfer.pull(`${registry.host}/other:v1`))).rejects.toMatchObject({
      code: 'ERR_BLOB_LENGTH',
      digest,
    });
    expect(await store.blobs.size(digest)).toBe(size);
  });
});
