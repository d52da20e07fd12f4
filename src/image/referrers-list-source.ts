import type { Store } from '../layer/index.js';
import type { BlobBody, BlobRequest, Descriptor, Digest, Repository } from '../oci/index.js';
import { isMissing, type FetchedManifest } from '../registry/index.js';
import { listOf } from './referrers-list.js';
import { readReferrers } from './referrers.js';
import type { ImageSource } from './seams.js';
import { StoredDocuments } from './stored-documents.js';

/** A list of referrers that a store keeps. */
export interface StoredList {
  readonly store: Store;
  readonly list: Descriptor;
  readonly subject: Digest;
}

/**
 * A list of referrers that a store has made, which the source needn't have: it is that of the
 * store, or where that is lost and the source hasn't got it, made again of what is listed there.
 */
export class ReferrersList implements ImageSource {
  readonly #source: ImageSource;
  readonly #stored: StoredList;

  constructor(source: ImageSource, stored: StoredList) {
    this.#source = source;
    this.#stored = stored;
  }

  get name(): string {
    return this.#source.name;
  }

  get repository(): Repository | undefined {
    return this.#source.repository;
  }

  async root(signal: AbortSignal): Promise<FetchedManifest> {
    const { store, list } = this.#stored;
    const documents = new StoredDocuments(this.#source, store.blobs);
    try {
      return { descriptor: list, bytes: await documents.manifest(list, signal) };
    } catch (error) {
      if (!isMissing(error)) throw error;
      const { subject } = this.#stored;
      const found = await readReferrers(documents, [subject], 'fetch', signal);
      const entries = found.filter((each) => each.subject === subject).map(({ entry }) => entry);
      if (entries.length === 0) throw error;
      return listOf(entries);
    }
  }

  manifest(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    return this.#source.manifest(descriptor, signal);
  }

  referrers(subject: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    return this.#source.referrers(subject, signal);
  }

  blob(blob: Descriptor, request: BlobRequest): Promise<BlobBody> {
    return this.#source.blob(blob, request);
  }
}
