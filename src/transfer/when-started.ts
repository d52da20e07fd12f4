import { concat, defer, of, switchMap, type Observable } from 'rxjs';
import { markIdle } from './idle-job.js';
import type { TransferContext, TransferJob } from './job.js';
import { progressEvent, type TransferEvent } from './progress.js';

/** What a job of {@link whenStarted} tells ahead of its work. */
export interface WhenStartedOptions {
  /** The phase told first of all, whether a slot is free or not. Default: none. */
  readonly first?: string;
  /** The phase told where no slot is free. Default `Waiting`. */
  readonly waiting?: string;
}

/**
 * A job that does nothing until it has a slot: emits the progress `Waiting`, unless it gets its
 * slot at once, and then what `run` emits.
 *
 * ```
 * start$:        ----(s|)
 * run:               d-d-(r|)
 * whenStarted:   w---d-d-(r|)
 * ```
 *
 * With `first`, it begins with that phase in any case:
 *
 * ```
 * limit 1   a: (fd)-d-(r|)            f: the first phase
 *           b: (fw)---d----d-(s|)     w: Waiting
 * ```
 *
 * Errors and completes as `run` does, which is called once. `run` gets the slot with the context;
 * what it throws is the transfer's error.
 *
 * As long as it waits, the kernel subscribes to nothing of such a job, which halves the memory of a
 * transfer in line. A job around it that calls it is a job like any other, and is subscribed.
 *
 * @example
 * manager.transfer('a', whenStarted(() => timer(100).pipe(map(() => resultEvent('done')))));
 */
export function whenStarted<T>(
  run: TransferJob<T>,
  { first, waiting = 'Waiting' }: WhenStartedOptions = {},
): TransferJob<T> {
  const opening = first === undefined ? undefined : progressEvent(first);
  const waits = progressEvent(waiting);
  function job(context: TransferContext): Observable<TransferEvent<T>> {
    const run$ = defer(() => run(context));
    const wait$ = concat(of(waits), context.start$.pipe(switchMap(() => run$)));
    return concat(
      opening === undefined ? [] : [opening],
      defer(() => (context.started ? run$ : wait$)),
    );
  }
  return markIdle(job, { opening, waits, run });
}
