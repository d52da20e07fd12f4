import { startWith, switchMap, type Observable } from 'rxjs';
import type { TransferContext, TransferJob } from './job.js';
import { progressEvent, type ProgressEvent, type TransferEvent } from './progress.js';

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
 * Errors and completes as `run` does.
 *
 * @example
 * manager.transfer('a', whenStarted(() => timer(100).pipe(map(() => resultEvent('done')))));
 */
export function whenStarted<T>(
  run: (context: TransferContext) => Observable<TransferEvent<T>>,
  waiting = 'Waiting',
): TransferJob<T> {
  const waits = progressEvent(waiting);
  return Object.assign(
    (context: TransferContext) =>
      context.started
        ? run(context)
        : context.start$.pipe(
            switchMap(() => run(context)),
            startWith(waits),
          ),
    { [idleUntilStarted]: { waits, run } },
  );
}

const idleUntilStarted = Symbol('idleUntilStarted');

/** What is known of a job that does nothing until it has a slot. */
export interface IdleJob<T> {
  /** What it emits when it has to wait. */
  readonly waits: ProgressEvent;
  /** What it does once it has its slot. */
  run(context: TransferContext): Observable<TransferEvent<T>>;
}

/**
 * What {@link whenStarted} made of a job. With it, the kernel needs to subscribe to nothing as long
 * as the job waits, which halves the memory of a transfer in line.
 */
export function idleJobOf<T>(job: TransferJob<T>): IdleJob<T> | undefined {
  return (job as { readonly [idleUntilStarted]?: IdleJob<T> })[idleUntilStarted];
}
