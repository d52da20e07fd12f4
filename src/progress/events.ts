import type { Progress } from '../transfer/index.js';

/**
 * What this room reads of the events of a pull, push, copy or unpack: any of them can be handed
 * over as it is, and so can one that came to a browser as JSON.
 */
export type ImageProgressEvent = RetryNews | ResolvedNews | LayerNews | LayerDoneNews | ResultNews;

/** The image is known, and which layers it stands on. */
export interface ResolvedNews {
  readonly kind: 'resolved';
  readonly image: {
    readonly reference: string;
    /** The digest that the reference led to. */
    readonly resolved: string;
    /** Bottom-up. */
    readonly layers: readonly { readonly size: number }[];
    /** What refers to it and is moved along. */
    readonly referrers?: readonly { readonly layers: readonly { readonly size: number }[] }[];
  };
  /** By layer, bottom-up and those of referrers last, the id under which its news comes. */
  readonly ids: readonly string[];
}

/** The bytes of each layer that is told of, by its place in `ids`, where known. */
export function sizesOf({ image: { layers, referrers = [] } }: ResolvedNews): readonly number[] {
  return [...layers, ...referrers.flatMap((each) => each.layers)].map(({ size }) => size);
}

/** What describes an image is asked for again after a wait. */
export interface RetryNews {
  readonly kind: 'retry';
  readonly reference: string;
  /** Seconds until then; 0: now. */
  readonly retryIn: number;
}

/** How far a layer is. */
export interface LayerNews {
  readonly kind: 'progress';
  readonly id: string;
  readonly progress: Progress;
}

/** A layer is where it was to go. */
export interface LayerDoneNews {
  readonly kind: 'layer';
  readonly id: string;
  /** Of a pull, whether it came with it or was there before. */
  readonly status?: 'pulled' | 'exists';
}

/** Everything is where it was to go. */
export interface ResultNews {
  readonly kind: 'result';
  /** The image, where one was moved. */
  readonly image?: {
    readonly reference: string;
    readonly resolved: string;
    readonly manifest?: { readonly digest: string; readonly size: number };
    /** Of a pull, by layer. */
    readonly statuses?: readonly ('pulled' | 'exists')[];
  };
}

/** What people read of an image that is waited for. */
export function retryText({ retryIn }: Pick<RetryNews, 'retryIn'>): string {
  return progressText(retryIn === 0 ? { phase: 'Retrying' } : { phase: 'Retrying', retryIn });
}

/** What people read of a progress: its phase, or how long until the next attempt. */
export function progressText({ phase, retryIn }: Progress): string {
  if (retryIn === undefined) return phase;
  return `${phase} in ${retryIn} ${retryIn === 1 ? 'second' : 'seconds'}`;
}
