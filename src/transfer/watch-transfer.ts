import { mergeMap, type Observable, type OperatorFunction } from 'rxjs';
import type { TransferContext } from './job.js';
import type { TransferEvent } from './progress.js';
import type { TransferManager, TransferOptions } from './transfer-manager.js';

/** What {@link watchTransfer} makes of a value. */
export interface WantedTransfer<T> extends TransferOptions {
  readonly key: string;
  /** What it is if none is alive: a cold {@link TransferJob}, which completes or errors. Called without a `this`. */
  job(this: void, context: TransferContext): Observable<TransferEvent<T>>;
}

/**
 * For each value of the source, watches the transfer that it asks for, all at once: how many move
 * data at a time is the manager's affair. Use it where what is wanted comes as a stream.
 *
 * ```
 * source:          a-b----|
 * transfer of a:   p--(r|)
 * transfer of b:     p---q--(s|)
 * watchTransfer:   p-pr--q--(s|)
 * ```
 *
 * Errors with the first transfer that fails, and leaves the others. Completes when the source and
 * all its transfers have.
 *
 * @example
 * urls$.pipe(watchTransfer(manager, (url) => ({ key: url, job: whenStarted(() => load(url)) })));
 */
export function watchTransfer<V, T>(
  manager: TransferManager<T>,
  want: (value: V) => WantedTransfer<T>,
): OperatorFunction<V, TransferEvent<T>> {
  return mergeMap((value: V) => {
    const wanted = want(value);
    return manager.transfer(wanted.key, wanted.job, wanted);
  });
}
