import {
  asyncScheduler,
  concat,
  connect,
  endWith,
  ignoreElements,
  interval,
  map,
  of,
  scan,
  switchMap,
  takeUntil,
  type MonoTypeOperatorFunction,
  type Observable,
  type SchedulerLike,
} from 'rxjs';
import { sampleProgress } from '../transfer/index.js';
import type { ImageProgressEvent } from './events.js';
import { withRates } from './rates.js';
import { emptySnapshot, reduceProgress, type ProgressSnapshot } from './snapshot.js';

/** How often {@link snapshots} emits. */
export interface SnapshotsOptions {
  /** Snapshots per second at most. Default 10. */
  readonly rate?: number;
  /** The time of the sampling and of the rates. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * What a UI subscribes to: the snapshots of a pull, push, copy or unpack, or of several merged
 * into one stream of events. Cold; one subscription to `events$` each.
 *
 * ```
 * events$:    a-b-c-----d-(r|)     rate: a window of 5 frames
 * snapshots:  a----c----d-(r|)
 * ```
 *
 * - The first passes at once, then the latest of each window; the last before completion or an
 *   error is never dropped.
 * - While nothing comes, the latest is repeated each second with the rates of that moment, so that
 *   a stall is seen.
 * - Completes and errors with `events$`.
 */
export function snapshots(
  events$: Observable<ImageProgressEvent>,
  options: SnapshotsOptions = {},
): Observable<ProgressSnapshot> {
  const { rate = 10, scheduler = asyncScheduler } = options;
  return events$.pipe(
    // Most events are thinned out before they cost a snapshot.
    sampleProgress({ rate, scheduler, by: (event) => 'id' in event && event.id }),
    scan(reduceProgress, emptySnapshot),
    map((snapshot) => ({ kind: 'progress', snapshot })),
    sampleProgress({ rate, scheduler }),
    map(({ snapshot }) => snapshot),
    repeatLatest(scheduler),
    withRates(scheduler),
  );
}

function repeatLatest<T>(scheduler: SchedulerLike): MonoTypeOperatorFunction<T> {
  return connect((values$) => {
    const end$ = values$.pipe(ignoreElements(), endWith(undefined));
    return values$.pipe(
      switchMap((value) =>
        concat(
          of(value),
          interval(1000, scheduler).pipe(
            map(() => value),
            takeUntil(end$),
          ),
        ),
      ),
    );
  });
}
