import * as path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  digestAlgorithm,
  digestHex,
  mediaTypes,
  parseIndex,
  type BlobBody,
  type BlobRequest,
  type Descriptor,
  type Digest,
} from '../oci/index.js';
import type { FetchedManifest, UploadOptions } from '../registry/index.js';
import { ArchiveWriter } from './archive-writer.js';
import { ArchiveError } from './errors.js';
import { chooseByTag, layoutVersion, nameAnnotation, referrerEntry } from './layout-index.js';
import { LayoutReferrers } from './layout-referrers.js';
import { readDocument } from './read-document.js';
import type { ImageSource, ImageTarget } from './seams.js';
import { TarArchive } from './tar-archive.js';
import { VerifyingStream } from './verifying-stream.js';

/** An image in an OCI image layout that is a tar (OCI image spec, image-layout.md), to be read. */
export class OciArchiveSource implements ImageSource {
  readonly #file: string;
  readonly #tag: string | undefined;
  readonly repository = undefined;
  #archive: Promise<TarArchive> | undefined;
  readonly #referrers: LayoutReferrers;

  constructor(file: string, tag: string | undefined) {
    this.#file = path.resolve(file);
    this.#tag = tag;
    this.#referrers = new LayoutReferrers({
      name: this.name,
      entries: (signal) => this.#entries(signal),
      manifest: (descriptor, signal) => this.manifest(descriptor, signal),
    });
  }

  get name(): string {
    return `oci-archive:${this.#file}${this.#tag === undefined ? '' : `:${this.#tag}`}`;
  }

  async root(signal: AbortSignal): Promise<FetchedManifest> {
    const entries = await this.#entries(signal);
    const isPlain = this.#tag !== undefined || entries.length === 1;
    const images = isPlain ? entries : await this.#referrers.without(entries, signal);
    const descriptor = chooseByTag(images, this.#tag, this.#file);
    return { descriptor, bytes: await this.manifest(descriptor, signal) };
  }

  manifest(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    return readDocument(descriptor, () => this.blob(descriptor, { offset: 0, signal }));
  }

  referrers(subject: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    return this.#referrers.of(subject, signal);
  }

  async blob({ digest }: Descriptor, { offset, signal }: BlobRequest): Promise<BlobBody> {
    const archive = await this.#open(signal);
    const stream = archive.stream(blobName(digest), offset, signal);
    if (stream === undefined)
      throw new ArchiveError(this.#file, `it lacks the blob ${digest}`, { digest });
    return { stream, offset, resumable: true };
  }

  async #entries(signal: AbortSignal): Promise<readonly Descriptor[]> {
    const archive = await this.#open(signal);
    const index = await archive.read('index.json', signal);
    if (index === undefined) throw new ArchiveError(this.#file, 'it has no index.json');
    return parseIndex(index).manifests;
  }

  #open(signal: AbortSignal): Promise<TarArchive> {
    // Whoever came first may have left before it was open.
    this.#archive ??= TarArchive.open(this.#file, signal).catch((error: unknown) => {
      this.#archive = undefined;
      throw error;
    });
    return this.#archive;
  }
}

/** An image in an OCI image layout that is a tar, to be written anew. */
export class OciArchiveTarget implements ImageTarget {
  readonly verifies = true;
  readonly #file: string;
  readonly #tag: string | undefined;
  readonly #writer: ArchiveWriter;
  readonly #written = new Set<Digest>();
  readonly #referrers: Descriptor[] = [];

  constructor(file: string, tag: string | undefined) {
    this.#file = path.resolve(file);
    this.#tag = tag;
    this.#writer = new ArchiveWriter(this.#file);
  }

  get key(): string {
    return `oci-archive:${this.#file}`;
  }

  has({ digest }: Descriptor): Promise<boolean> {
    return Promise.resolve(this.#written.has(digest));
  }

  mount(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async write(
    blob: Descriptor,
    open: (offset: number) => Promise<Readable>,
    { signal, onProgress }: UploadOptions,
  ): Promise<'uploaded'> {
    await this.#writer.add(async (sink) => {
      const take = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
        for await (const chunk of chunks) await sink(chunk);
      };
      const check = new VerifyingStream(blob, onProgress);
      await pipeline(await open(0), check, take, { signal });
      return { name: blobName(blob.digest) };
    });
    this.#written.add(blob.digest);
    return 'uploaded';
  }

  async keep({ descriptor, bytes }: FetchedManifest): Promise<void> {
    await this.#writer.addBytes(blobName(descriptor.digest), bytes);
  }

  async refer(manifest: FetchedManifest): Promise<void> {
    await this.keep(manifest);
    this.#referrers.push(referrerEntry(manifest));
  }

  async finish({ descriptor, bytes }: FetchedManifest): Promise<void> {
    const { mediaType, digest, size } = descriptor;
    const named = this.#tag === undefined ? {} : { annotations: { [nameAnnotation]: this.#tag } };
    const manifests = [...this.#referrers, { mediaType, digest, size, ...named }];
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    await this.#writer.addBytes(blobName(digest), bytes);
    await this.#writer.addBytes('index.json', JSON.stringify(index));
    await this.#writer.addBytes(
      'oci-layout',
      JSON.stringify({ imageLayoutVersion: layoutVersion }),
    );
    await this.#writer.finish();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}

function blobName(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}
