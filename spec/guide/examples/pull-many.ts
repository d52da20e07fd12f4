import {
  connect,
  EMPTY,
  ignoreElements,
  map,
  merge,
  mergeMap,
  of,
  tap,
  type Observable,
} from 'rxjs';
import type { PulledImage, Rxfer } from 'rxfer';
import { snapshots, type ProgressTotals } from 'rxfer/progress';

/** Pulls images at once, under the one limit of `rxfer`, and tells how far all are together. */
export function pullMany(
  rxfer: Rxfer,
  references: readonly string[],
  onTotals: (totals: ProgressTotals) => void,
): Observable<PulledImage> {
  const events$ = merge(...references.map((reference) => rxfer.pull(reference)));
  return events$.pipe(
    connect((shared$) =>
      merge(
        snapshots(shared$).pipe(
          map(({ totals }) => totals),
          tap(onTotals),
          ignoreElements(),
        ),
        shared$.pipe(
          mergeMap((event) => {
            if (event.kind !== 'result') return EMPTY;
            event.release();
            return of(event.image);
          }),
        ),
      ),
    ),
  );
}
