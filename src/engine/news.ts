import type { ImageProgressEvent, ProgressSnapshot, Timeline } from '../progress/index.js';

/** What moves an image. */
export type OperationKind = 'pull' | 'push' | 'load';

/** What the dashboard's page is told, each as JSON. Times are in ms since 1970. */
export type ActivityNews = OperationNews | EventNews | EndedNews | SlotsNews;

/** An operation that has begun, and how far it is by now. */
export interface OperationNews {
  readonly kind: 'operation';
  readonly id: string;
  readonly what: OperationKind;
  readonly reference: string;
  readonly began: number;
  readonly timeline: Timeline;
  readonly snapshot: ProgressSnapshot;
}

/** An event of an operation; `progress` where it may be thinned out. */
export interface EventNews {
  readonly kind: 'progress' | 'event';
  readonly id: string;
  readonly at: number;
  readonly event: ImageProgressEvent;
}

/** An operation is over. */
export interface EndedNews {
  readonly kind: 'ended';
  readonly id: string;
  readonly at: number;
  readonly outcome: 'done' | 'failed' | 'cancelled';
  readonly message?: string;
}

/** How busy the downloads are. */
export interface SlotsNews {
  readonly kind: 'slots';
  readonly active: number;
  readonly waiting: number;
  /** 0: any number. */
  readonly limit: number;
}
