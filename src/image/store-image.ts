import { BlobNotFoundError, type ImageRecord, type Store } from '../layer/index.js';
import {
  parseIndex,
  parseReference,
  type BlobBody,
  type BlobRequest,
  type Descriptor,
  type Digest,
  type Repository,
} from '../oci/index.js';
import type { FetchedManifest } from '../registry/index.js';
import { ImageNotFoundError, IncompleteImageError } from './errors.js';
import { verified } from './read-document.js';
import { referrersName } from './referrers-list.js';
import type { ImageSource } from './seams.js';

/** An image in a store, to be read. */
export class StoreSource implements ImageSource {
  readonly #store: Store;
  readonly #platforms: 'one' | 'all';
  readonly name: string;

  /**
   * @param reference in full.
   * @param platforms `all`: an image that was pulled in one platform of several won't do.
   */
  constructor(store: Store, reference: string, platforms: 'one' | 'all' = 'one') {
    this.#store = store;
    this.name = reference;
    this.#platforms = platforms;
  }

  get repository(): Repository {
    return parseReference(this.name);
  }

  async root(signal: AbortSignal): Promise<FetchedManifest> {
    const { manifest, resolved } = await imageRecord(this.#store, this.name);
    if (this.#platforms === 'all' && manifest.digest !== resolved) {
      throw new IncompleteImageError(this.name);
    }
    return { descriptor: manifest, bytes: await this.manifest(manifest, signal) };
  }

  async manifest(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    const bytes = await this.#store.blobs.read(descriptor.digest);
    if (bytes === undefined) throw new BlobNotFoundError(descriptor.digest);
    return verified(descriptor, bytes);
  }

  /** What a pull with referrers has left under the tag that stands for their list. */
  async referrers(subject: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    const record = await this.#store.images.get(referrersName(this.repository, subject));
    if (record === undefined) return [];
    return parseIndex(await this.manifest(record.manifest, signal)).manifests;
  }

  blob({ digest }: Descriptor, request: BlobRequest): Promise<BlobBody> {
    return this.#store.blobs.open(digest, request);
  }
}

/** The record of an image that must be in the store. @throws ImageNotFoundError */
export async function imageRecord(store: Store, reference: string): Promise<ImageRecord> {
  const record = await store.images.get(reference);
  if (record !== undefined) return record;
  throw new ImageNotFoundError(reference, 'the store', `Pull it first: rxfer pull ${reference}`);
}
