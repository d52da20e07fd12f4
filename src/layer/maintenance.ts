import type { ChainID, Digest } from '../oci/index.js';

/** How {@link StoreMaintenance.collect} goes about it. */
export interface CollectOptions {
  /** `dry run` finds out and removes nothing. Default `remove`. */
  readonly mode?: 'remove' | 'dry run';
  /** Stops it, until the removal has begun. */
  readonly signal?: AbortSignal;
}

/** What a collection has removed, or would. */
export interface Collection {
  readonly layers: readonly ChainID[];
  readonly blobs: readonly Digest[];
  /** Blobs whose download was broken off. */
  readonly partials: readonly Digest[];
  /** What all of it takes on the disk. */
  readonly bytes: number;
}

/** How {@link StoreMaintenance.verify} goes about it. */
export interface VerifyOptions {
  /**
   * `remove` takes what is damaged out of the store, so that it is fetched anew when the images
   * are pulled again. What a running process uses stays. Default `report`.
   */
  readonly mode?: 'report' | 'remove';
  readonly signal?: AbortSignal;
}

/** Something in a store that isn't as it should be. */
export interface Damage {
  readonly kind: 'blob' | 'layer' | 'image';
  /** The digest, the chainID, or the reference; of a record that can't be read, its file's name. */
  readonly name: string;
  /** The file or folder. */
  readonly path: string;
  /** What is wrong with it, as part of a sentence. */
  readonly problem: string;
  /** Whether it was taken out of the store. */
  readonly removed: boolean;
}

/** What {@link StoreMaintenance.verify} has found. */
export interface Verification {
  /** How many were looked at. */
  readonly checked: Readonly<Record<'blobs' | 'layers' | 'images', number>>;
  readonly damages: readonly Damage[];
  /** The references of images that lack something, or have something damaged. */
  readonly affected: readonly string[];
  /** What couldn't be looked at, a line each: for want of a program, say. */
  readonly omissions: readonly string[];
}

/** Things of one kind in a store. */
export interface UsageRow {
  readonly count: number;
  /** What they take on the disk. */
  readonly bytes: number;
  /** The part of it that a collection would remove. */
  readonly reclaimable: number;
}

/** What a store takes on the disk. */
export interface StoreUsage {
  /** The records alone. */
  readonly images: UsageRow;
  /** Unpacked. */
  readonly layers: UsageRow;
  /** As transferred: layers, manifests, configurations. */
  readonly blobs: UsageRow;
  /** Blobs on their way, or broken off. */
  readonly partials: UsageRow;
  /** What processes have under way. */
  readonly sessions: UsageRow;
}

/** What keeps a store in order. */
export interface StoreMaintenance {
  /**
   * Removes what nothing refers to: no image record, and no lease of any process. May run while
   * other processes pull into the store: what they need stays, and they wait a moment at most.
   *
   * @throws StoreError, ERR_STORE_DAMAGED, and removes nothing, when it can't be told what is
   * referred to.
   */
  collect(options?: CollectOptions): Promise<Collection>;
  /**
   * Looks at everything: hashes every blob, unpacks every layer again beside the store's own and
   * compares the two, and follows every image record to its parts. May run while others work.
   */
  verify(options?: VerifyOptions): Promise<Verification>;
  /** Adds up what the store takes on the disk. */
  usage(): Promise<StoreUsage>;
}
