import { strict as assert } from 'node:assert';
import { maxDocumentSize, type ImageRecord } from '../layer/index.js';
import { digestOf, mediaTypes } from '../oci/index.js';
import {
  caseOfLayer,
  failsWith,
  sampleBlob,
  stage,
  unaborted,
  type StoreCase,
} from './store-contract-support.js';

/** Blobs and the records of images. */
export const imageCases: readonly StoreCase[] = [
  caseOfLayer('opens a blob from any offset', async ({ layers, blobs, ...sample }) => {
    const { digest, size } = sample.blob;
    await (await stage(layers, sample)).discard();
    for (const offset of [0, 1, 40_000, size - 1]) {
      const body = await blobs.open(digest, { offset, signal: unaborted() });
      assert.equal(body.offset, offset);
      const chunks: Buffer[] = [];
      for await (const chunk of body.stream as AsyncIterable<Buffer>) chunks.push(chunk);
      assert(Buffer.concat(chunks).equals(sample.bytes.subarray(offset)));
    }
  }),
  {
    title: 'knows no blob that is not there whole',
    run: async (open) => {
      const { blobs } = await open();
      const digest = digestOf('nothing');
      assert.equal(await blobs.size(digest), undefined);
      assert.equal(await blobs.read(digest), undefined);
      await failsWith('ERR_BLOB_NOT_FOUND', blobs.open(digest, { offset: 0, signal: unaborted() }));
    },
  },
  {
    title: 'does not read a large blob as a document',
    run: async (open) => {
      const { layers, blobs } = await open();
      const sample = await sampleBlob('large', { size: maxDocumentSize, compression: 'none' });
      await (await stage(layers, sample)).discard();
      await failsWith('ERR_DOCUMENT_TOO_LARGE', blobs.read(sample.blob.digest));
    },
  },
  {
    title: 'keeps records with their documents, sorted, replaces and deletes them',
    run: async (open) => {
      const { images, blobs } = await open();
      const bytes = Buffer.from('{"a":"document"}');
      const documents = [{ digest: digestOf(bytes), bytes }];
      const first = record('example.com/b:1');
      const second = record('example.com/a:1');
      await images.put(first, documents);
      await images.put(second, documents);
      assert.deepEqual(await images.get('example.com/b:1'), first);
      assert.deepEqual(await images.list(), [second, first]);
      assert.deepEqual(Buffer.from((await blobs.read(digestOf(bytes))) ?? ''), bytes);
      const replaced = { ...first, created: '2024-02-02T00:00:00.000Z' };
      await images.put(replaced, documents);
      assert.deepEqual(await images.list(), [second, replaced]);
      assert.equal(await images.delete('example.com/b:1'), true);
      assert.equal(await images.delete('example.com/b:1'), false);
      assert.equal(await images.get('example.com/b:1'), undefined);
      assert.deepEqual(await images.list(), [second]);
    },
  },
  {
    title: 'adds no record whose documents are not what they are called',
    run: async (open) => {
      const { images } = await open();
      const bytes = Buffer.from('{}');
      const put = images.put(record('example.com/c:1'), [{ digest: digestOf('other'), bytes }]);
      await failsWith('ERR_DIGEST_MISMATCH', put);
      assert.deepEqual(await images.list(), []);
    },
  },
];

function record(reference: string): ImageRecord {
  const digest = digestOf(reference);
  const manifest = { mediaType: mediaTypes.ociManifest, digest, size: 7 };
  return { reference, manifest, resolved: digest, created: '2024-01-01T00:00:00.000Z' };
}
