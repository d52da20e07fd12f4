import type {
  LayerAppliedEvent,
  LayerKeptEvent,
  LayerProgressEvent,
  LayerRegisteredEvent,
  LayerUploadedEvent,
} from '../distribution/index.js';
import type { SharedFiles } from '../layer/index.js';
import type { ChainID, Descriptor, DiffID, Digest, Platform } from '../oci/index.js';

/** An image of one platform, as its manifest describes it, or an index with all its images. */
export interface ResolvedImage {
  /** In full. */
  readonly reference: string;
  /** What the reference leads to: the manifest, or the index that it stands in. */
  readonly resolved: Digest;
  /** Or the index, where all its images are moved. */
  readonly manifest: Descriptor;
  /** `undefined` for an artifact, which is none of any platform, and for an index. */
  readonly platform: Platform | undefined;
  /** `undefined` for an index. */
  readonly config: Digest | undefined;
  /** Bottom-up; of an index, those of all its images, each once. */
  readonly layers: readonly Descriptor[];
  /** The images of an index, in its order; absent where one image is moved. */
  readonly images?: readonly IndexedImage[];
  /** What has it as its subject and is moved along; absent unless it was asked for. */
  readonly referrers?: readonly Referrer[];
}

/** An artifact that has an image, or another artifact, as its subject, such as a signature. */
export interface Referrer {
  /** With its artifact type. */
  readonly manifest: Descriptor;
  readonly subject: Digest;
  readonly layers: readonly Descriptor[];
}

/** An image within an index that is moved whole. */
export interface IndexedImage {
  readonly manifest: Descriptor;
  /** As the index has it; attestations are of an unknown one. */
  readonly platform: Platform | undefined;
  readonly config: Digest;
  /** Bottom-up. */
  readonly layers: readonly Descriptor[];
}

/** It is known what will be moved. The first event, but for those of retries. */
export interface ImageResolvedEvent {
  readonly kind: 'resolved';
  readonly image: ResolvedImage;
  /** The ids that progress comes under, one a layer, bottom-up, those of referrers last. */
  readonly ids: readonly string[];
}

/**
 * What describes an image, such as its manifest, couldn't be had or written, and is asked for again
 * after a wait. Comes each second, also before `resolved`.
 */
export interface ImageRetryEvent {
  readonly kind: 'retry';
  /** Where it is asked for, in full. */
  readonly reference: string;
  /** Seconds until then; 0: now. */
  readonly retryIn: number;
}

/** An image, or an index with all its images, that is in a store. */
export interface PulledImage extends ResolvedImage {
  /** By layer; of an index none, since its layers belong to several images. */
  readonly diffIDs: readonly DiffID[];
  /** As `diffIDs`. */
  readonly chainIDs: readonly ChainID[];
  /** By layer, whether it came with this pull or was there before. */
  readonly statuses: readonly ('pulled' | 'exists')[];
}

/** The image is in the store under its name. The last event. */
export interface PullResultEvent {
  readonly kind: 'result';
  readonly image: PulledImage;
  /** Bytes of layers that came over the wire. */
  readonly bytes: number;
  /** Gives up the leases on the layers. */
  readonly release: () => void;
}

/** What Rxfer.pull emits. */
export type PullEvent =
  | ImageRetryEvent
  | ImageResolvedEvent
  | LayerProgressEvent
  | LayerRegisteredEvent
  | LayerKeptEvent
  | PullResultEvent;

/** The image is at the target under its name. The last event. */
export interface CopyResultEvent {
  readonly kind: 'result';
  readonly image: ResolvedImage;
  /** Bytes of layers that were written to the target. */
  readonly bytes: number;
}

/** What Rxfer.push emits. */
export type CopyEvent =
  ImageRetryEvent | ImageResolvedEvent | LayerProgressEvent | LayerUploadedEvent | CopyResultEvent;

/** What of an unpacked image came from files that a store had unpacked already. */
export interface ReusedFiles extends SharedFiles {
  /** How many layers; the rest were unpacked from their blobs. */
  readonly layers: number;
}

/** The image's root file system is in the folder. The last event. */
export interface UnpackResultEvent {
  readonly kind: 'result';
  readonly directory: string;
  /** Where it didn't come from the store. */
  readonly image?: ResolvedImage;
  /** What this user or file system couldn't do, as AppliedLayer says. */
  readonly omissions: readonly string[];
  /** When {@link Rxfer.unpack} was asked to link. */
  readonly reused?: ReusedFiles;
}

/** What Rxfer.unpack emits. */
export type UnpackEvent =
  ImageRetryEvent | ImageResolvedEvent | LayerProgressEvent | LayerAppliedEvent | UnpackResultEvent;
