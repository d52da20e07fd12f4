import type { SharingMode } from '../layer/index.js';
import type { Platform } from '../oci/index.js';
import type { RegistryClient } from '../registry/index.js';
import type { ForeignLayers } from './foreign-layers.js';

/** What of an image is moved. */
export interface MoveOptions {
  /**
   * Which of an image's platforms is meant. Default: Linux on this machine's architecture. Of a
   * pull of all platforms, the one that is unpacked.
   */
  readonly platform?: Platform;
  /** `all`: an index with all its images, byte for byte, attestations too. Default `one`. */
  readonly platforms?: 'one' | 'all';
  /**
   * `all`: what has the image as its subject too, such as signatures, and what has that as its
   * subject; of an index that is moved whole, also what refers to its images. Default `none`.
   */
  readonly referrers?: 'none' | 'all';
  /** Default `refuse`. */
  readonly foreignLayers?: ForeignLayers;
}

/** Whom a pull, push or listing of tags asks. */
export interface RegistryChoice {
  /**
   * A client for this one alone, such as one with other credentials. It must stay open as long as
   * anything is under way that may share its transfers. Default: that of all.
   */
  readonly registry?: RegistryClient;
}

/** What of a stored image is pushed, by default in one platform. */
export interface PushOptions extends MoveOptions, RegistryChoice {
  /** The image in the store. Default: the one of the name that it is pushed to. */
  readonly source?: string;
}

/** How an image is unpacked into a folder. */
export interface UnpackOptions extends Pick<MoveOptions, 'platform' | 'foreignLayers'> {
  /** Shares files with the store, of an image that is there, in place of unpacking them. Default: not. */
  readonly link?: SharingMode;
}
