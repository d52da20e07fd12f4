import { Observable } from 'rxjs';

/**
 * A cold Observable of one asynchronous call: emits what the call emits on its way and what it
 * resolves to, and completes, or errors with its rejection. Unsubscribing before aborts the
 * signal; nothing is heard of the call after that, and its late rejection harms nobody.
 *
 * @example
 * fromAbortable((signal) => client.resolve(reference, signal)).pipe(timeout(30_000));
 */
export function fromAbortable<T>(
  call: (signal: AbortSignal, emit: (value: T) => void) => Promise<T>,
): Observable<T> {
  return new Observable<T>((subscriber) => {
    const controller = new AbortController();
    let settled = false;
    subscriber.add(() => {
      if (!settled) controller.abort();
    });
    call(controller.signal, (value) => subscriber.next(value)).then(
      (value) => {
        settled = true;
        subscriber.next(value);
        subscriber.complete();
      },
      (error: unknown) => {
        settled = true;
        subscriber.error(error);
      },
    );
  });
}
