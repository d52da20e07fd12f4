import {
  fromEvent,
  lastValueFrom,
  mergeMap,
  takeUntil,
  tap,
  throwError,
  type Observable,
} from 'rxjs';
import type { PullEvent, Rxfer } from 'rxfer';

/** Pulls until a button is pressed: `stop$` is its clicks. What nobody else shares is cancelled. */
export function pullUntil(
  rxfer: Rxfer,
  reference: string,
  stop$: Observable<unknown>,
): Observable<PullEvent> {
  return rxfer.pull(reference).pipe(takeUntil(stop$));
}

/** The same for code that knows promises and signals; rejects with the signal's reason. */
export function pullWithSignal(
  rxfer: Rxfer,
  reference: string,
  signal: AbortSignal,
): Promise<PullEvent> {
  const aborted$ = fromEvent(signal, 'abort').pipe(
    mergeMap(() => throwError(() => signal.reason as unknown)),
  );
  const pull$ = rxfer.pull(reference).pipe(
    tap((event) => {
      if (event.kind === 'result') event.release();
    }),
    takeUntil(aborted$),
  );
  return lastValueFrom(pull$);
}
