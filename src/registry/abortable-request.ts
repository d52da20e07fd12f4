import { Observable } from 'rxjs';

/**
 * A cold Observable of a request: emits what it resolves to and completes, or errors with its
 * rejection. Unsubscribing before aborts its signal.
 */
export function abortableRequest<T>(request: (signal: AbortSignal) => Promise<T>): Observable<T> {
  return new Observable((subscriber) => {
    const controller = new AbortController();
    request(controller.signal).then(
      (value) => {
        subscriber.next(value);
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
    return () => controller.abort();
  });
}
