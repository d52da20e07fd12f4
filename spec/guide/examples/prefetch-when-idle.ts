import { concatMap, filter, from, take, type Observable } from 'rxjs';
import type { TransferEvent, TransferJob, TransferManager } from 'rxfer/transfer';

/** Runs one transfer after the other, each only once nothing else is active or waits. */
export function prefetchWhenIdle<T>(
  manager: TransferManager<T>,
  jobs: ReadonlyMap<string, TransferJob<T>>,
): Observable<TransferEvent<T>> {
  return from(jobs).pipe(
    concatMap(([key, job]) =>
      manager.state$.pipe(
        filter(({ active, waiting }) => active + waiting === 0),
        take(1),
        concatMap(() => manager.transfer(key, job)),
      ),
    ),
  );
}
