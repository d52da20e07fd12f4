import { strict as assert } from 'node:assert';
import { Readable } from 'node:stream';
import type { BlobIngest, LayerIngest, LayerStore, StagedLayer, Store } from '../layer/index.js';
import type { Descriptor, DiffID } from '../oci/index.js';
import { sampleImage } from './sample-image.js';

/** One case of {@link storeContract}. */
export interface StoreCase {
  /** What the store does, as the rest of a sentence that begins with it. */
  readonly title: string;
  /**
   * Rejects with an AssertionError when the store doesn't.
   *
   * @param open opens a store that is empty.
   */
  readonly run: (open: () => Promise<Store>) => Promise<void>;
}

/** A layer's blob in memory, and what it unpacks to. */
export interface SampleBlob {
  readonly blob: Descriptor;
  readonly bytes: Buffer;
  readonly diffID: DiffID;
}

/** A case about one layer, which the store doesn't have. */
export function caseOfLayer(
  title: string,
  run: (given: Pick<Store, 'layers' | 'blobs'> & SampleBlob) => Promise<void>,
): StoreCase {
  return {
    title,
    run: async (open) => {
      const { layers, blobs } = await open();
      await run({ layers, blobs, ...(await sampleBlob('layer')) });
    },
  };
}

/** A layer of one file. The same name and size make the same blob. */
export async function sampleBlob(
  name: string,
  options: { readonly size?: number; readonly compression?: 'gzip' | 'none' } = {},
): Promise<SampleBlob> {
  const { size = 50_000, compression = 'gzip' } = options;
  const { layers, blobs, diffIDs } = await sampleImage({ layers: [[{ name, size }]], compression });
  const [blob] = layers;
  const [diffID] = diffIDs;
  const bytes = blob && blobs.get(blob.digest);
  assert(blob !== undefined && diffID !== undefined && bytes !== undefined);
  return { blob, bytes, diffID };
}

/** A signal that is never aborted. */
export function unaborted(): AbortSignal {
  return new AbortController().signal;
}

/** Opens an ingest, and closes it in every outcome. */
export async function ingesting<T, TWhole>(
  store: { ingest(blob: Descriptor, signal: AbortSignal): Promise<BlobIngest<TWhole>> },
  blob: Descriptor,
  use: (ingest: BlobIngest<TWhole>) => Promise<T>,
): Promise<T> {
  const ingest = await store.ingest(blob, unaborted());
  try {
    return await use(ingest);
  } finally {
    await ingest.close();
  }
}

/** Takes in what is missing of a blob. */
export function append(ingest: Pick<BlobIngest, 'append'>, bytes: Buffer): Promise<void> {
  return ingest.append(Readable.from(chunksOf(bytes)), { signal: unaborted() });
}

/** Completes an ingest, sees what came of it, and lets go of that. */
export async function completesAs(
  diffID: DiffID,
  ingest: Pick<LayerIngest, 'complete'>,
): Promise<void> {
  const staged = await ingest.complete(unaborted());
  assert.equal(staged.diffID, diffID);
  await staged.discard();
}

/** Stages a whole blob. */
export function stage(layers: LayerStore, { blob, bytes }: SampleBlob): Promise<StagedLayer> {
  return ingesting(layers, blob, async (ingest) => {
    if (ingest.offset < blob.size) await append(ingest, bytes.subarray(ingest.offset));
    return ingest.complete(unaborted());
  });
}

/** Pieces such as a socket gives. */
export function* chunksOf(bytes: Buffer, size = 16_000): Generator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += size) {
    yield bytes.subarray(offset, offset + size);
  }
}

/** Yields bytes and then stays open until it is destroyed. */
export function hangingAfter(bytes: Buffer): Readable {
  const stream = new Readable({ read: () => undefined });
  stream.push(bytes);
  return stream;
}

/** Asserts that something fails with an error of this code. */
export async function failsWith(code: string, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error: { code?: unknown }) => {
    assert.equal(error.code, code);
    return true;
  });
}
