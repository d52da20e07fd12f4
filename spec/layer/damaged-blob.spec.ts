import * as fs from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { openDiskStore, type BlobIngest } from '../../src/layer/index.js';
import { digestHex, type Descriptor } from '../../src/oci/index.js';
import { sampleImage } from '../../src/testing/index.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const { signal } = new AbortController();

afterAll(removeTemporaryFolders);

const damages: [string, (bytes: Buffer) => Buffer][] = [
  ['has other bytes', (bytes) => Buffer.alloc(bytes.length)],
  ['is cut off', (bytes) => bytes.subarray(0, 10_000)],
  ['has too much', (bytes) => Buffer.concat([bytes, Buffer.from('more')])],
];

describe.each(damages)('a blob in the store that %s', (_, damage) => {
  it('is fetched anew as a layer, in two goes', async () => {
    const { store, blob, bytes, file } = await damagedStore(damage);
    await fetchInTwo((each) => store.layers.ingest(each, signal), blob, bytes);
    expect(fs.readFileSync(file)).toEqual(bytes);
  });

  it('is fetched anew as a document', async () => {
    const { store, blob, bytes, file } = await damagedStore(damage);
    const ingest = await store.blobs.ingest(blob, signal);
    await ingest.restart();
    await ingest.append(Readable.from([bytes]), { signal });
    await (await ingest.complete(signal)).discard();
    await ingest.close();
    expect(fs.readFileSync(file)).toEqual(bytes);
  });
});

it('goes from the store when it is restarted, so that nobody reads it', async () => {
  const { store, blob, file } = await damagedStore((bytes) => Buffer.alloc(bytes.length));
  const ingest = await store.blobs.ingest(blob, signal);
  await ingest.restart();
  await ingest.close();
  expect(fs.existsSync(file)).toBe(false);
});

async function damagedStore(damage: (bytes: Buffer) => Buffer) {
  const folder = temporaryFolder();
  const store = await openDiskStore(folder);
  const { layers, blobs } = await sampleImage({ layers: [[{ name: 'file', size: 50_000 }]] });
  const blob = layers[0]!;
  const bytes = blobs.get(blob.digest)!;
  const file = join(folder, 'blobs/sha256', digestHex(blob.digest));
  fs.writeFileSync(file, damage(bytes));
  return { store, blob, bytes, file };
}

/** What came before a fetch broke off is kept for the next. */
async function fetchInTwo(
  open: (blob: Descriptor) => Promise<BlobIngest<{ discard(): Promise<void> }>>,
  blob: Descriptor,
  bytes: Buffer,
): Promise<void> {
  const first = await open(blob);
  expect(first.offset).toBe(0);
  await first.append(Readable.from([bytes.subarray(0, 20_000)]), { signal });
  await first.close();
  const second = await open(blob);
  expect(second.offset).toBe(20_000);
  await second.append(Readable.from([bytes.subarray(20_000)]), { signal });
  await (await second.complete(signal)).discard();
  await second.close();
}
