import type { Readable } from 'node:stream';
import {
  formatReference,
  type BlobBody,
  type BlobRequest,
  type Descriptor,
  type Digest,
  type Reference,
  type Repository,
} from '../oci/index.js';
import type { FetchedManifest, RegistryClient, UploadOptions } from '../registry/index.js';
import { SizeMismatchError } from '../layer/index.js';
import type { ForeignLayers } from './foreign-layers.js';
import { maxDocuments } from './image-tree.js';
import type { ImageSource, ImageTarget } from './seams.js';

/** Bytes that a list of referrers may have, whose entries are held in memory. */
const maxListBytes = 16 * 1024 * 1024;

/** An image on a registry, to be read. */
export class RegistrySource implements ImageSource {
  readonly #client: RegistryClient;
  readonly #reference: Reference;
  readonly #foreign: ForeignLayers;

  /** @param foreign unless `refuse`, a blob is asked for at the `urls` of its descriptor as well. */
  constructor(client: RegistryClient, reference: Reference, foreign: ForeignLayers = 'refuse') {
    this.#client = client;
    this.#reference = reference;
    this.#foreign = foreign;
  }

  get name(): string {
    return formatReference(this.#reference);
  }

  get repository(): Repository {
    return this.#reference;
  }

  root(signal: AbortSignal): Promise<FetchedManifest> {
    return this.#client.manifest(this.#reference, signal);
  }

  async manifest({ digest, size }: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    const { host, path } = this.#reference;
    const { bytes } = await this.#client.manifest({ host, path, digest }, signal);
    // Limits count the sizes that descriptors state.
    if (bytes.length !== size) throw new SizeMismatchError(digest, size, bytes.length);
    return bytes;
  }

  async referrers(subject: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    const found: Descriptor[] = [];
    const options = { signal, maxEntries: maxDocuments, maxBytes: maxListBytes };
    const pages = this.#client.referrers(this.#reference, subject, options);
    for await (const page of pages) found.push(...page);
    return found;
  }

  blob(blob: Descriptor, request: BlobRequest): Promise<BlobBody> {
    const urls = this.#foreign === 'refuse' ? undefined : blob.urls;
    return this.#client.blob(this.#reference, blob, { ...request, urls });
  }
}

/** An image on a registry, to be written. */
export class RegistryTarget implements ImageTarget {
  /** The registry does, which can't tell who is at fault. */
  readonly verifies = false;
  readonly #client: RegistryClient;
  readonly #reference: Reference;

  constructor(client: RegistryClient, reference: Reference) {
    this.#client = client;
    this.#reference = reference;
  }

  get key(): string {
    return `${this.#reference.host}/${this.#reference.path}`;
  }

  has(blob: Descriptor, signal: AbortSignal): Promise<boolean> {
    return this.#client.has(this.#reference, blob, signal);
  }

  async mount(
    digest: Digest,
    from: Repository,
    options: Omit<UploadOptions, 'onProgress'>,
  ): Promise<boolean> {
    const { host, path } = this.#reference;
    if (from.host !== host || from.path === path) return false;
    return this.#client.mount(this.#reference, digest, from.path, options);
  }

  write(
    blob: Descriptor,
    open: (offset: number) => Promise<Readable>,
    options: UploadOptions,
  ): Promise<'uploaded' | 'mounted'> {
    return this.#client.upload(this.#reference, blob, open, options);
  }

  keep(manifest: FetchedManifest, signal: AbortSignal): Promise<void> {
    const { host, path } = this.#reference;
    const { digest } = manifest.descriptor;
    return this.#client.putManifest({ host, path, digest }, manifest, signal);
  }

  /** The client sees to the list where the registry has none. */
  refer(manifest: FetchedManifest, signal: AbortSignal): Promise<void> {
    return this.keep(manifest, signal);
  }

  finish(manifest: FetchedManifest, signal: AbortSignal): Promise<void> {
    return this.#client.putManifest(this.#reference, manifest, signal);
  }
}
