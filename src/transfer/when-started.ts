import { Observable, switchMap } from 'rxjs';
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
 * Errors and completes as `run` does.
 *
 * @example
 * manager.transfer('a', whenStarted(() => timer(100).pipe(map(() => resultEvent('done')))));
 */
export function whenStarted<T>(
  run: (context: TransferContext) => Observable<TransferEvent<T>>,
  waiting = 'Waiting',
): TransferJob<T> {
  return (context) =>
    context.started
      ? run(context)
      : new Observable((watcher) => {
          watcher.next(progressEvent(waiting));
          return context.start$.pipe(switchMap(() => run(context))).subscribe(watcher);
        });
}
