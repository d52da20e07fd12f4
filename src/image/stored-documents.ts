import { Readable } from 'node:stream';
import { maxDocumentSize, type BlobStore } from '../layer/index.js';
import type { BlobBody, BlobRequest, Descriptor, Digest, Repository } from '../oci/index.js';
import type { FetchedManifest } from '../registry/index.js';
import { readDocument, verified } from './read-document.js';
import type { ImageSource } from './seams.js';

/**
 * The documents of a source, those that a store has already from there: whatever their digests
 * lead to is the same everywhere. What the name stands for is asked of the source. A configuration
 * that has to be fetched is taken into the store, so that of several pulls, and processes, one does.
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
    if (blob.size > maxDocumentSize) return this.#source.blob(blob, request);
    const bytes = (await this.#stored(blob)) ?? (await this.#taken(blob, request.signal));
    return { stream: Readable.from([bytes]), offset: 0, resumable: true };
  }

  async #taken(blob: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    const ingest = await this.#blobs.ingest(blob, signal);
    try {
      // Somebody else may have brought it while this one waited.
      const stored = await this.#stored(blob);
      if (stored !== undefined) return stored;
      // Verified before anything goes: what is stored may be whole, and its size here a lie.
      const bytes = await readDocument(blob, () => this.#source.blob(blob, { offset: 0, signal }));
      await ingest.restart();
      await ingest.append(Readable.from([bytes]), { signal });
      const kept = await ingest.complete(signal);
      await kept.discard();
      return bytes;
    } finally {
      await ingest.close();
    }
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
