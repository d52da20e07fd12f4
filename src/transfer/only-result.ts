import { filter, map, type OperatorFunction } from 'rxjs';
import type { ResultEvent, TransferEvent } from './progress.js';

/**
 * Passes what a transfer was for and drops how far it is. Use it where a pipeline goes on with the
 * result and nobody looks at progress.
 *
 * ```
 * source:       --p--q--(r|)        r: the result of value v
 * onlyResult:   --------(v|)
 * ```
 *
 * Errors and completes as the source does. A transfer whose job lives on after its result stays
 * watched: take(1) after it to leave then, which gives up what the job holds.
 *
 * @example
 * from(keys).pipe(mergeMap((key) => manager.transfer(key, job).pipe(onlyResult())));
 */
export function onlyResult<T>(): OperatorFunction<TransferEvent<T>, T> {
  return (source$) =>
    source$.pipe(
      filter((event): event is ResultEvent<T> => event.kind === 'result'),
      map(({ value }) => value),
    );
}
