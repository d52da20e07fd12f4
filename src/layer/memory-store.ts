import { Readable } from 'node:stream';
import {
  chainIDOf,
  type BlobBody,
  type BlobRequest,
  type ChainID,
  type Descriptor,
  type Digest,
} from '../oci/index.js';
import { RxferError } from '../transfer/index.js';
import { magicLength } from './compression.js';
import { checkDocument, maxDocumentSize } from './documents.js';
import { BlobNotFoundError, DocumentTooLargeError, LayerLimitError } from './errors.js';
import { MemoryIngests } from './memory-ingests.js';
import { UnpackTurns } from './unpack-turns.js';
import type { Staging } from './ingest-backend.js';
import { layerFault } from './layer-fault.js';
import { decompressLayer } from './layer-tar.js';
import { defaultLimits, type UnpackLimits } from './limits.js';
import type {
  BlobIngest,
  BlobStore,
  ImageDocument,
  ImageRecord,
  ImageRecords,
  KeptBlob,
  Layer,
  LayerIngest,
  LayerLease,
  LayerStore,
  StagedLayer,
  Store,
} from './store.js';
import { readTar } from './tar-reader.js';

/** How a store in memory is made. */
export interface MemoryStoreOptions {
  /** What a layer may unpack to. */
  readonly limits?: UnpackLimits;
}

/**
 * A store in memory, for tests and for tools that look at images without keeping them. It holds
 * the blobs as they were transferred; layers are verified and their archives read through, but
 * not unpacked.
 */
export function createMemoryStore({ limits = {} }: MemoryStoreOptions = {}): Store {
  const blobs = new Map<Digest, Buffer>();
  const ingests = new MemoryIngests(blobs);
  return {
    layers: new MemoryLayers(blobs, ingests, limits),
    blobs: new MemoryBlobs(blobs, ingests),
    images: new MemoryImages(blobs),
  };
}

class MemoryLayers implements LayerStore {
  readonly limits: UnpackLimits;
  readonly #blobs: Map<Digest, Buffer>;
  readonly #ingests: MemoryIngests;
  readonly #turns = new UnpackTurns();
  readonly #layers = new Map<ChainID, Layer>();

  constructor(blobs: Map<Digest, Buffer>, ingests: MemoryIngests, limits: UnpackLimits) {
    this.#blobs = blobs;
    this.#ingests = ingests;
    this.limits = limits;
  }

  acquire(chainID: ChainID): Promise<LayerLease | undefined> {
    const layer = this.#layers.get(chainID);
    return Promise.resolve(layer && leaseOn(layer));
  }

  ingest(blob: Descriptor, signal: AbortSignal): Promise<LayerIngest> {
    const { limits } = this;
    return this.#ingests.open(blob, memoryStaging(blob, limits), signal, { turns: this.#turns });
  }

  async register(staged: StagedLayer, parent: ChainID | undefined): Promise<LayerLease> {
    const { blob, diffID, size } = staged;
    const chainID = chainIDOf(parent, diffID);
    const known = await this.acquire(chainID);
    if (known !== undefined) return known;
    if (parent !== undefined && !this.#layers.has(parent)) {
      throw new RxferError('ERR_STORE_NO_PARENT', `The parent layer ${parent} isn't in the store`, {
        digest: parent,
        hint: 'Register the layers of an image bottom-up, and keep the lease on each meanwhile.',
      });
    }
    const tarStream = (signal?: AbortSignal): Promise<Readable> => this.#openTar(blob, signal);
    const layer: Layer = { chainID, diffID, parent, blob, size, tarStream };
    this.#layers.set(chainID, layer);
    return leaseOn(layer);
  }

  #openTar(blob: Descriptor, signal: AbortSignal | undefined): Promise<Readable> {
    const bytes = this.#blobs.get(blob.digest);
    if (bytes === undefined) return Promise.reject(new BlobNotFoundError(blob.digest));
    const head = bytes.subarray(0, magicLength);
    return Promise.resolve(
      decompressLayer(Readable.from([bytes], signal && { signal }), head, blob.mediaType),
    );
  }
}

/** Nothing is collected in memory, so there is nothing to be kept from it. */
function leaseOn(layer: Layer): LayerLease {
  return { layer, release: () => undefined };
}

function memoryStaging(blob: Descriptor, limits: UnpackLimits): Staging<StagedLayer> {
  return {
    limits,
    consume: (tar) => readThrough(tar, limits),
    discard: () => Promise.resolve(),
    finish: (layer) => Promise.resolve({ blob, ...layer, discard: () => Promise.resolve() }),
  };
}

/** Reads an archive to its end, so that one that can't be read is refused here too. */
async function readThrough(tar: Readable, limits: UnpackLimits): Promise<void> {
  const { maxEntries = defaultLimits.maxEntries } = limits;
  try {
    const entries = readTar(tar);
    for (let count = 0; (await entries.next()).done !== true;) {
      if (++count > maxEntries) throw new LayerLimitError(`more than ${maxEntries} entries`);
    }
  } catch (error) {
    tar.destroy();
    throw layerFault(error);
  }
}

class MemoryBlobs implements BlobStore {
  readonly #blobs: Map<Digest, Buffer>;
  readonly #ingests: MemoryIngests;

  constructor(blobs: Map<Digest, Buffer>, ingests: MemoryIngests) {
    this.#blobs = blobs;
    this.#ingests = ingests;
  }

  size(digest: Digest): Promise<number | undefined> {
    return Promise.resolve(this.#blobs.get(digest)?.length);
  }

  async read(digest: Digest): Promise<Uint8Array | undefined> {
    const size = (await this.size(digest)) ?? 0;
    if (size > maxDocumentSize) throw new DocumentTooLargeError(digest, size, maxDocumentSize);
    return this.#blobs.get(digest);
  }

  open(digest: Digest, { offset, signal }: BlobRequest): Promise<BlobBody> {
    const bytes = this.#blobs.get(digest);
    if (bytes === undefined) return Promise.reject(new BlobNotFoundError(digest));
    const stream = Readable.from([bytes.subarray(offset)], { signal });
    return Promise.resolve({ stream, offset, resumable: true });
  }

  ingest(blob: Descriptor, signal: AbortSignal): Promise<BlobIngest> {
    const discard = (): Promise<void> => Promise.resolve();
    const finish = (): Promise<KeptBlob> => Promise.resolve({ blob, discard });
    return this.#ingests.open(blob, { discard, finish }, signal, { whole: 'trust' });
  }
}

class MemoryImages implements ImageRecords {
  readonly #blobs: Map<Digest, Buffer>;
  readonly #records = new Map<string, ImageRecord>();

  constructor(blobs: Map<Digest, Buffer>) {
    this.#blobs = blobs;
  }

  get(reference: string): Promise<ImageRecord | undefined> {
    return Promise.resolve(this.#records.get(reference));
  }

  list(): Promise<ImageRecord[]> {
    const records = [...this.#records.values()];
    return Promise.resolve(records.sort((a, b) => (a.reference < b.reference ? -1 : 1)));
  }

  async put(record: ImageRecord, documents: readonly ImageDocument[]): Promise<void> {
    await Promise.resolve();
    for (const { digest, bytes } of documents) checkDocument(digest, bytes);
    for (const { digest, bytes } of documents) this.#blobs.set(digest, Buffer.from(bytes));
    this.#records.set(record.reference, record);
  }

  delete(reference: string): Promise<boolean> {
    return Promise.resolve(this.#records.delete(reference));
  }
}
