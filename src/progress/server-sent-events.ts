import {
  asyncScheduler,
  catchError,
  connect,
  endWith,
  ignoreElements,
  interval,
  map,
  merge,
  of,
  takeUntil,
  type MonoTypeOperatorFunction,
  type Observable,
  type OperatorFunction,
} from 'rxjs';
import { RxferError, sampleProgress } from '../transfer/index.js';
import type { ImageProgressEvent } from './events.js';
import type { JsonLinesOptions } from './json-lines.js';

/** How often {@link toServerSentEvents} emits. */
export interface ServerSentEventsOptions extends JsonLinesOptions {
  /** After this many ms, again and again, a comment keeps proxies from hanging up. Default 15,000. */
  readonly keepAlive?: number;
}

/** What a page gets when the transfer failed: the last message. */
export interface FailedNews {
  readonly kind: 'failed';
  /** Of an RxferError, to be looked up in the catalogue of errors. */
  readonly code?: string;
  readonly message: string;
  readonly hint?: string;
}

/**
 * The events of a pull, push, copy or unpack as server-sent events (HTML standard, 9.2), each
 * chunk a whole one, to be written to a response of the type `text/event-stream`. The data of a
 * message is an {@link ImageProgressEvent} in JSON, without what is of no use elsewhere, so that a
 * page can hand it to `snapshots`; or, last, a {@link FailedNews}.
 *
 * Completes with its source, also where that errors. A page closes its EventSource on `result`
 * and `failed`: it would connect again otherwise.
 */
export function toServerSentEvents(
  options: ServerSentEventsOptions = {},
): OperatorFunction<ImageProgressEvent, string> {
  const { rate = 10, scheduler = asyncScheduler, keepAlive = 15_000 } = options;
  return (events$) =>
    events$.pipe(
      sampleProgress({ rate, scheduler, by: (event) => 'id' in event && event.id }),
      map(plainEvent),
      catchError((error: unknown) => of(failedNews(error))),
      map((message) => `data: ${JSON.stringify(message)}\n\n`),
      mergeWhileAlive(interval(keepAlive, scheduler).pipe(map(() => ': still there\n\n'))),
    );
}

function mergeWhileAlive<T>(others$: Observable<T>): MonoTypeOperatorFunction<T> {
  return connect((values$) =>
    merge(values$, others$.pipe(takeUntil(values$.pipe(ignoreElements(), endWith(undefined))))),
  );
}

/** The event as {@link ImageProgressEvent} declares it, and nothing more: ready to become JSON. */
export function plainEvent(event: ImageProgressEvent): ImageProgressEvent {
  switch (event.kind) {
    case 'resolved': {
      const { reference, resolved, layers, referrers } = event.image;
      const sizes = (of: typeof layers) => of.map(({ size }) => ({ size }));
      const image = {
        reference,
        resolved,
        layers: sizes(layers),
        ...(referrers && { referrers: referrers.map((each) => ({ layers: sizes(each.layers) })) }),
      };
      return { kind: event.kind, image, ids: event.ids };
    }
    case 'retry':
      return { kind: event.kind, reference: event.reference, retryIn: event.retryIn };
    case 'progress':
      return { kind: event.kind, id: event.id, progress: event.progress };
    case 'layer':
      return {
        kind: event.kind,
        id: event.id,
        ...(event.status === undefined ? {} : { status: event.status }),
      };
    case 'result': {
      if (event.image === undefined) return { kind: event.kind };
      const { reference, resolved } = event.image;
      return { kind: event.kind, image: { reference, resolved } };
    }
  }
}

function failedNews(error: unknown): FailedNews {
  const kind = 'failed';
  if (!(error instanceof RxferError)) return { kind, message: String(error) };
  const { code, message, hint } = error;
  return { kind, code, message, ...(hint === undefined ? {} : { hint }) };
}
