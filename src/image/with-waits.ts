import { defer, merge, Subject, tap, type Observable } from 'rxjs';
import type { ImageRetryEvent } from './events.js';

/** Hears that something is waited for. */
export type TellWait = (event: ImageRetryEvent) => void;

/**
 * The events of an operation with those that it tells by the call that it is given, in between.
 * Completes and errors with the operation.
 */
export function withWaits<E>(
  operation: (tell: TellWait) => Observable<E>,
): Observable<E | ImageRetryEvent> {
  return defer(() => {
    const waits$ = new Subject<ImageRetryEvent>();
    const events$ = operation((event) => waits$.next(event));
    return merge(waits$, events$.pipe(tap({ complete: () => waits$.complete() })));
  });
}
