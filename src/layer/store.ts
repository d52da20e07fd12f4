import type { Readable } from 'node:stream';
import type { BlobBody, BlobRequest, ChainID, Descriptor, DiffID, Digest } from '../oci/index.js';
import type { AppliedLayer } from './apply-entries.js';
import type { SharedFiles, SharingMode } from './file-sharing.js';
import type { UnpackLimits } from './limits.js';

/** What identifies a registered layer, and says where it came from. */
export interface LayerIdentity {
  readonly chainID: ChainID;
  readonly diffID: DiffID;
  /** The layer below, or `undefined` for the lowest. */
  readonly parent: ChainID | undefined;
  /** The compressed blob it came from: media type, digest and size as transferred. */
  readonly blob: Descriptor;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
}

/** A layer in a store: registered on its parent, unpacked, and there to stay while leased. */
export interface Layer extends LayerIdentity {
  /**
   * Opens the layer as the very tar that its diffID was made of, from the store alone. To be called
   * while the layer is leased; what is open can be read to its end after that. The bytes aren't
   * hashed again: whoever must be sure compares their digest with the diffID.
   *
   * @param signal destroys the stream with its reason.
   * @returns a stream with back-pressure, which the caller reads to its end or destroys.
   * @throws BlobNotFoundError, StoreError; the stream fails with InvalidLayerError where the blob
   * is damaged so that it can't be decompressed.
   */
  tarStream(signal?: AbortSignal): Promise<Readable>;
}

/** Keeps a layer and all below it from garbage collection until released. */
export interface LayerLease {
  readonly layer: Layer;
  /** Gives the layer up; further calls do nothing. */
  release(): void;
}

/**
 * A blob that is verified, unpacked and stored, and waits to be registered on a parent.
 * Its holder either registers it any number of times or not at all, and discards it once.
 */
export interface StagedLayer {
  readonly blob: Descriptor;
  readonly diffID: DiffID;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
  /** Removes what is staged; the blob itself stays. Further calls do nothing. */
  discard(): Promise<void>;
}

/** How {@link BlobIngest.append} is watched and stopped. */
export interface AppendOptions {
  /** Stops the copy and destroys the body; what was accepted stays. */
  readonly signal: AbortSignal;
  /** Called as bytes are accepted, with the ingest's new offset in bytes. */
  readonly onProgress?: (offset: number) => void;
}

/** A blob that is kept as it is, and from garbage collection until it is discarded. */
export interface KeptBlob {
  readonly blob: Descriptor;
  /** Gives the blob up, which stays as long as an image needs it. Further calls do nothing. */
  discard(): Promise<void>;
}

/**
 * The way of one blob into a store (containerd's content.Writer). The bytes pass once: they are
 * kept and hashed as they arrive, with back-pressure. Calls don't overlap, but for `close`, which
 * ends the one under way.
 */
export interface BlobIngest<TWhole = KeptBlob> {
  /** Bytes that are here already; where the next append goes on. Equal to the size: all there. */
  readonly offset: number;
  /**
   * Takes in `body`, which begins at {@link offset}, to its end.
   *
   * Rejects when the body fails, is too long, or ends the blob with another digest than the
   * descriptor's ({@link DigestMismatchError}, after which the ingest stands at 0 again). Resolves
   * on a body that ends early too: the caller looks at `offset` and goes on from there.
   */
  append(body: Readable, options: AppendOptions): Promise<void>;
  /** Forgets everything and stands at 0. */
  restart(): Promise<void>;
  /** Publishes the blob and hands over what it came to. Once all is there. */
  complete(signal: AbortSignal): Promise<TWhole>;
  /**
   * Ends the ingest, and whatever call is under way. Bytes of an unfinished blob stay for the
   * next ingest of it to resume; everything else goes. Resolves when nothing is open any more.
   */
  close(): Promise<void>;
}

/**
 * The way of a layer's blob into a store, which is decompressed, hashed again and unpacked as it
 * arrives or, where others are being unpacked, later. `complete` ends the unpacking too, and hands over
 * what is staged.
 */
export type LayerIngest = BlobIngest<StagedLayer>;

/** Where layers are kept. Every implementation passes spec/support/layer-store-contract.ts. */
export interface LayerStore {
  /** What a layer may unpack to, also when it is unpacked from here; by default as they say. */
  readonly limits?: UnpackLimits;
  /** A lease on the layer, or `undefined` when it isn't there. */
  acquire(chainID: ChainID): Promise<LayerLease | undefined>;
  /**
   * Opens the ingest of a blob, whose media type tells the compression. A blob that is already
   * there, whole or in part, isn't wanted again: the ingest's offset says what is missing.
   * The caller must close it, in every outcome.
   */
  ingest(blob: Descriptor, signal: AbortSignal): Promise<LayerIngest>;
  /**
   * Makes the staged layer a layer on `parent`, by one rename. Answers with the one that is
   * there when the chain is known already. `parent` must be leased by the caller.
   */
  register(staged: StagedLayer, parent: ChainID | undefined): Promise<LayerLease>;
  /**
   * Unpacks the layer onto a folder, as applyLayer with whiteouts applied would, from the files
   * that the store has of it. `undefined`, and nothing is done, when it has none, or when they
   * aren't as the layer has them any more: then {@link Layer.tarStream} is left. A store needn't have this.
   */
  applyFiles?(
    layer: Layer,
    root: string,
    options: ApplyFilesOptions,
  ): Promise<AppliedFiles | undefined>;
}

/** How {@link LayerStore.applyFiles} goes about it. */
export interface ApplyFilesOptions {
  readonly sharing: SharingMode;
  /** Stops it. What was written stays for the caller to remove. */
  readonly signal: AbortSignal;
}

/** What {@link LayerStore.applyFiles} did. */
export interface AppliedFiles extends AppliedLayer {
  readonly files: SharedFiles;
}

/** Where the documents of images (manifests, indexes, configurations) and layers' blobs are kept. */
export interface BlobStore {
  /** Bytes of the blob, or `undefined` when it isn't there whole. */
  size(digest: Digest): Promise<number | undefined>;
  /** A whole small blob, or `undefined`. Refuses one above 4 MiB, the limit for documents. */
  read(digest: Digest): Promise<Uint8Array | undefined>;
  /** The blob's bytes from an offset; rejects with BlobNotFoundError when it isn't there. */
  open(digest: Digest, request: BlobRequest): Promise<BlobBody>;
  /**
   * Opens the ingest of a blob that is kept as it is, whatever it holds. As with layers, what is
   * there isn't wanted again, and the caller must close it, in every outcome.
   */
  ingest(blob: Descriptor, signal: AbortSignal): Promise<BlobIngest>;
}

/** An image that a store knows by name. */
export interface ImageRecord {
  /** In full, as formatReference writes it. */
  readonly reference: string;
  /** The image's manifest, of one platform, or an index of which everything is here. */
  readonly manifest: Descriptor;
  /** The digest that the reference led to: the manifest's, or that of the index it stands in. */
  readonly resolved: Digest;
  /** When the record was written, ISO 8601. */
  readonly created: string;
}

/** A document of an image, whole. */
export interface ImageDocument {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** The images that a store knows by name. */
export interface ImageRecords {
  /** The image of that name, written in full; `undefined` where there is none. */
  get(reference: string): Promise<ImageRecord | undefined>;
  /** All of them, sorted by reference. */
  list(): Promise<ImageRecord[]>;
  /**
   * Keeps an image's documents (manifest, configuration, the indexes that led there) under their
   * digests, durably, and then adds the record, or replaces the one of the same reference, in one
   * step. The caller holds leases on the image's layers meanwhile.
   *
   * @throws DigestMismatchError, DocumentTooLargeError
   */
  put(record: ImageRecord, documents: readonly ImageDocument[]): Promise<void>;
  /** Tells whether there was one. */
  delete(reference: string): Promise<boolean>;
}

/** A whole store: layers, blobs and the images that refer to them. */
export interface Store {
  readonly layers: LayerStore;
  readonly blobs: BlobStore;
  readonly images: ImageRecords;
}
