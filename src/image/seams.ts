import type { Readable } from 'node:stream';
import type { BlobBody, BlobRequest, Descriptor, Digest, Repository } from '../oci/index.js';
import type { FetchedManifest, UploadOptions } from '../registry/index.js';

/** Where an image comes from: a registry, a store, an OCI layout, an archive. */
export interface ImageSource {
  /** The image's name, for people. */
  readonly name: string;
  /** Where its blobs may be mounted from, when it came from a registry. */
  readonly repository: Repository | undefined;
  /** The manifest or index that the name stands for, verified. */
  root(signal: AbortSignal): Promise<FetchedManifest>;
  /** A manifest or index within it, verified. */
  manifest(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array>;
  /** What is listed there as having a manifest as its subject, verified or not; each once. */
  referrers(subject: Digest, signal: AbortSignal): Promise<readonly Descriptor[]>;
  /** The bytes of a layer or configuration, which whoever reads them verifies. */
  blob(blob: Descriptor, request: BlobRequest): Promise<BlobBody>;
}

/** How a blob is written. */
export interface WriteOptions extends UploadOptions {
  /** Called where a blob came whole and unharmed, and takes more time to be made safe. */
  readonly onReceived?: () => void;
  /** To be called with each chunk that the target won't look at any more; it needn't be. */
  readonly release?: (chunk: Buffer) => void;
}

/** Where an image goes: a registry, an OCI layout, an archive. */
export interface ImageTarget {
  /** Tells targets apart, so that two uploads of a blob to one of them are one. */
  readonly key: string;
  /** Whether it looks at a blob's digest itself, and tells of wrong bytes as a mismatch. */
  readonly verifies: boolean;
  /** Tells whether a blob is there already. */
  has(blob: Descriptor, signal: AbortSignal): Promise<boolean>;
  /** Makes a blob of another repository available without its bytes; false: not possible. */
  mount(
    digest: Digest,
    from: Repository,
    options: Omit<UploadOptions, 'onProgress'>,
  ): Promise<boolean>;
  /** Writes a blob, verified, or finds it. `open` gives its bytes from an offset. */
  write(
    blob: Descriptor,
    open: (offset: number) => Promise<Readable>,
    options: WriteOptions,
  ): Promise<'uploaded' | 'mounted'>;
  /** Keeps a manifest or index by its digest, once all that it points at is there. */
  keep(manifest: FetchedManifest, signal: AbortSignal): Promise<void>;
  /** Keeps a manifest or index as `keep` does, where referrers of its subject are looked for. */
  refer(manifest: FetchedManifest, signal: AbortSignal): Promise<void>;
  /** Gives the image its name; once all its blobs are there. */
  finish(manifest: FetchedManifest, signal: AbortSignal): Promise<void>;
  /** Removes what isn't finished. Called once nothing else will be, in every outcome. */
  close?(): Promise<void>;
}
