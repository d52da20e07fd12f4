import { Observable, takeUntil, type MonoTypeOperatorFunction } from 'rxjs';

/**
 * Lets an AbortSignal drive the unsubscribe. Use it where a pipeline lives in a world of signals,
 * such as a request handler whose client may go.
 *
 * ```
 * signal:         -----a             aborted for the reason e
 * source:         --p--q--(r|)
 * untilAborted:   --p--#             errors with e; the source is left
 * ```
 *
 * Errors with the signal's `reason` when it is aborted, without subscribing the source where it
 * was before. Otherwise errors and completes as the source does. Holds a listener on the signal as
 * long as it is subscribed.
 *
 * @example
 * manager.transfer('a', job).pipe(untilAborted(AbortSignal.timeout(60_000)));
 */
export function untilAborted<E>(signal: AbortSignal | undefined): MonoTypeOperatorFunction<E> {
  return (source$) => (signal === undefined ? source$ : source$.pipe(takeUntil(aborted(signal))));
}

/** Errors with the signal's reason when it is aborted. */
function aborted(signal: AbortSignal): Observable<never> {
  return new Observable((subscriber) => {
    const abort = (): void => subscriber.error(signal.reason);
    if (signal.aborted) {
      abort();
      return undefined;
    }
    signal.addEventListener('abort', abort, { once: true });
    return () => signal.removeEventListener('abort', abort);
  });
}
