import type { Store } from '../layer/index.js';
import type { BlobBody, BlobRequest, Descriptor, Digest, Repository } from '../oci/index.js';
import { isMissing, type FetchedManifest } from '../registry/index.js';
import { listOf } from './referrers-list.js';
import { readReferrers } from './referrers.js';
import type { ImageSource } from './seams.js';
import { StoredDocuments } from './stored-documents.js';

/** What a store's record of an image says. */
export interface Recorded {
  readonly store: Store;
  readonly manifest: Descriptor;
  /** What it is a list of the referrers of. */
  readonly subject: Digest | undefined;
}

/**
 * An image as a store has recorded it: its manifest is the store's where that is whole, so that what
 * the store can mend by itself needs no source. A list of referrers, which stores make and the source
 * needn't have, is made again of what is listed there where it is lost.
 */
export class RecordedImage implements ImageSource {
  readonly #source: ImageSource;
  readonly #recorded: Recorded;

  constructor(source: ImageSource, recorded: Recorded) {
    this.#source = source;
    this.#recorded = recorded;
  }

  get name(): string {
    return this.#source.name;
  }

  get repository(): Repository | undefined {
    return this.#source.repository;
  }

  async root(signal: AbortSignal): Promise<FetchedManifest> {
    const { store, manifest, subject } = this.#recorded;
    const documents = new StoredDocuments(this.#source, store.blobs);
    try {
      return { descriptor: manifest, bytes: await documents.manifest(manifest, signal) };
    } catch (error) {
      if (subject === undefined || !isMissing(error)) throw error;
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
