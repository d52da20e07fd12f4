import { defer, EMPTY, merge, of, switchMap, tap, type Observable } from 'rxjs';
import type { TransferContext, TransferJob } from './job.js';
import { progressEvent, type TransferEvent } from './progress.js';

/**
 * A job that does nothing until it has a slot: emits the progress `Waiting`, unless it gets its
 * slot at once, and then what `run` emits.
 *
 * ```
 * start$:        ----s
 * run:               d-d-(r|)
 * whenStarted:   w---d-d-(r|)
 * ```
 *
 * @example
 * manager.transfer('a', whenStarted(() => timer(100).pipe(map(() => resultEvent('done')))));
 */
export function whenStarted<T>(
  run: (context: TransferContext) => Observable<TransferEvent<T>>,
  waiting = 'Waiting',
): TransferJob<T> {
  return (context) =>
    defer(() => {
      let started = false;
      const running$ = context.start$.pipe(
        tap(() => (started = true)),
        switchMap(() => run(context)),
      );
      const waiting$ = defer(() => (started ? EMPTY : of(progressEvent(waiting))));
      return merge(running$, waiting$);
    });
}
