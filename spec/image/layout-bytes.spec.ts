import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { createMemoryStore, createRegistryClient, createRxfer } from '../../src/index.js';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

let registry: TestRegistry;
const client = createRegistryClient();

beforeAll(async () => {
  registry = await startRegistry();
  const sizes = [9, 1, 6, 3, 8, 2, 7, 5];
  const layers = sizes.map((size) => [{ name: `file-${size}`, size: size * 1_000_000 }]);
  registry.addImage('app', 'v1', await sampleImage({ layers, compression: 'none' }));
});
afterAll(async () => {
  await client.close();
  await registry.close();
  removeTemporaryFolders();
});

// Memory that bytes came in is used again as soon as they are written.
it.each([1, 5, 8])('are those of the registry, %i blobs at a time', async (concurrency) => {
  const folder = join(temporaryFolder(), 'layout');
  const rxfer = createRxfer({ store: createMemoryStore(), registry: client, concurrency });
  await lastValueFrom(rxfer.copy(`${registry.host}/app:v1`, `oci:${folder}:v1`));
  const blobs = join(folder, 'blobs/sha256');
  const names = readdirSync(blobs);
  expect(names).toHaveLength(10);
  for (const name of names) {
    const bytes = readFileSync(join(blobs, name));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(name);
  }
});
