import { buffer } from 'node:stream/consumers';
import Docker from 'dockerode';
import { lastValueFrom } from 'rxjs';
import { saveImages } from '../../src/engine/save-images.js';
import { StoredImages } from '../../src/engine/stored-images.js';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { startEngine, type RunningEngine } from '../support/engine.js';
import { removeTemporaryFolders } from '../support/temporary-folder.js';

describe('an image that is removed while it is saved', () => {
  let registry: TestRegistry;
  let running: RunningEngine;
  let client: Docker;
  let name: string;

  beforeEach(async () => {
    registry = await startRegistry();
    const layers = ['lower', 'upper'].map((each) => [{ name: each, size: 3_000_000 }]);
    registry.addImage('app', 'v1', await sampleImage({ layers }));
    name = `${registry.host}/app:v1`;
    running = await startEngine();
    client = new Docker({ socketPath: running.host.replace('unix://', '') });
    const event = await lastValueFrom(running.rxfer.pull(name));
    if (event.kind === 'result') event.release();
  });
  afterEach(async () => {
    await running.close();
    await registry.close();
  });
  afterAll(removeTemporaryFolders);

  it('is saved to its end, and its space freed by the next removal', async () => {
    // More than any buffer on the way holds: as long as nobody reads, the second layer isn't begun.
    const archive = await client.getImage(name).get();
    expect(await client.getImage(name).remove()).toContainEqual({ Untagged: name });
    expect((await buffer(archive)).length).toBeGreaterThan(6_000_000);
    expect(await client.listImages()).toEqual([]);
    expect((await running.store.collect()).layers).toHaveLength(2);
  });

  it('is not found where it is gone before the first byte', async () => {
    const { image } = await new StoredImages(running.store).find(name);
    await client.getImage(name).remove();
    const saving = saveImages(running.store, [{ image, tags: [] }], AbortSignal.timeout(10_000));
    await expect(saving).rejects.toMatchObject({ code: 'ERR_BLOB_NOT_FOUND' });
    await expect(client.getImage(name).get()).rejects.toMatchObject({ statusCode: 404 });
  });
});
