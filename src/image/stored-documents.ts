import { Readable } from 'node:stream';
import type { BlobStore } from '../layer/index.js';
import type { BlobBody, BlobRequest, Descriptor, Digest, Repository } from '../oci/index.js';
import type { FetchedManifest } from '../registry/index.js';
import { verified } from './read-document.js';
import type { ImageSource } from './seams.js';

/**
 * The documents of a source, those that a store has already from there: whatever their digests
 * lead to is the same everywhere. What the name stands for is asked of the source.
 */
export class StoredDocuments implements ImageSource {
  readonly #source: ImageSource;
  readonly #blobs: BlobStore;

  constructor(source: ImageSource, blobs: BlobStore) {
    this.#source = source;
    this.#blobs = blobs;
  }

  get name(): string {
    return this.#source.name;
  }

  get repository(): Repository | undefined {
    return this.#source.repository;
  }

  root(signal: AbortSignal): Promise<FetchedManifest> {
    return this.#source.root(signal);
  }

  async manifest(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    return (await this.#stored(descriptor)) ?? this.#source.manifest(descriptor, signal);
  }

  referrers(subject: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    return this.#source.referrers(subject, signal);
  }

  async blob(blob: Descriptor, request: BlobRequest): Promise<BlobBody> {
    const bytes = await this.#stored(blob);
    if (bytes === undefined) return this.#source.blob(blob, request);
    return { stream: Readable.from([bytes]), offset: 0, resumable: true };
  }

  /** As it must be: what is damaged is as good as missing. */
  async #stored(descriptor: Descriptor): Promise<Uint8Array | undefined> {
    const bytes = await this.#blobs.read(descriptor.digest);
    try {
      return bytes && verified(descriptor, bytes);
    } catch {
      return undefined;
    }
  }
}
