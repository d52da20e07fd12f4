import type { AppliedBlob, Layer } from '../layer/index.js';
import type { Descriptor, RootFS } from '../oci/index.js';
import type { Progress } from '../transfer/index.js';

/** News of one layer, by the `id` of its descriptor. */
export interface LayerProgressEvent {
  readonly kind: 'progress';
  readonly id: string;
  readonly progress: Progress;
}

/** A layer is in the store, on its parent. */
export interface LayerRegisteredEvent {
  readonly kind: 'layer';
  readonly id: string;
  /** The place in the list of descriptors, from 0 at the bottom. */
  readonly index: number;
  readonly layer: Layer;
  /** `exists` when the store had it before. */
  readonly status: 'pulled' | 'exists';
}

/** All layers are in the store. The last event. */
export interface DownloadResultEvent {
  readonly kind: 'result';
  readonly rootFS: RootFS;
  /** Bytes that came over the wire for this download's own layers. */
  readonly bytes: number;
  /** Gives up the leases on the layers; until then they can't be collected. */
  readonly release: () => void;
}

/** What LayerDownloadManager.download emits. */
export type DownloadEvent = LayerProgressEvent | LayerRegisteredEvent | DownloadResultEvent;

/** A layer's blob is in the store as it is, not unpacked. */
export interface LayerKeptEvent {
  readonly kind: 'layer';
  readonly id: string;
  /** The place in the list of descriptors, from 0. */
  readonly index: number;
  readonly blob: Descriptor;
  /** It isn't one: nothing is unpacked. */
  readonly layer?: undefined;
  /** `exists` when nothing of it had to come over the wire. */
  readonly status: 'pulled' | 'exists';
}

/** All blobs are in the store, and held there until the subscription ends. The last event. */
export interface KeepResultEvent {
  readonly kind: 'result';
  /** Bytes that came over the wire for them. */
  readonly bytes: number;
}

/** What LayerDownloadManager.keep emits. */
export type KeepEvent = LayerProgressEvent | LayerKeptEvent | KeepResultEvent;

/** A layer is unpacked onto the folder, on those below it. */
export interface LayerAppliedEvent {
  readonly kind: 'layer';
  readonly id: string;
  /** The place in the list of descriptors, from 0 at the bottom. */
  readonly index: number;
  readonly blob: Descriptor;
  readonly applied: AppliedBlob;
  /** Bytes that came over the wire for it. */
  readonly bytes: number;
}

/** What LayerDownloadManager.apply emits. */
export type ApplyEvent = LayerProgressEvent | LayerAppliedEvent;

/** A layer is on the target. */
export interface LayerUploadedEvent {
  readonly kind: 'layer';
  readonly id: string;
  /** The place in the list of descriptors, from 0 at the bottom. */
  readonly index: number;
  /** What the target stores. */
  readonly descriptor: Descriptor;
}

/** All layers are on the target. The last event. */
export interface UploadResultEvent {
  readonly kind: 'result';
  /** What the target stores, in the order of the upload descriptors. */
  readonly descriptors: readonly Descriptor[];
}

/** What LayerUploadManager.upload emits. */
export type UploadEvent = LayerProgressEvent | LayerUploadedEvent | UploadResultEvent;

/** The words of the phases, as people know them from `docker pull` and `docker push`. */
export const phases = {
  pulling: 'Pulling fs layer',
  waiting: 'Waiting',
  downloading: 'Downloading',
  verifying: 'Verifying Checksum',
  downloaded: 'Download complete',
  extracting: 'Extracting',
  pulled: 'Pull complete',
  unpacked: 'Unpacked',
  exists: 'Already exists',
  retrying: 'Retrying',
  preparing: 'Preparing',
  pushing: 'Pushing',
  mounted: 'Mounted from',
  pushed: 'Pushed',
  layerExists: 'Layer already exists',
} as const;
