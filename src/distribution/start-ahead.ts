import { mergeMap, Observable, Subject } from 'rxjs';

/** One of several parts of a whole that arrive in their order. */
export interface ArrivingPart<E> {
  readonly events$: Observable<E>;
  /** Bytes that it has in all. */
  readonly size: number;
  /** Bytes of it that have arrived by an event; undefined where the event doesn't tell. */
  readonly arrivedBy: (event: E) => number | undefined;
}

/** Parts that go on at a time: one whose turn it is, and one that has been asked for. */
const atATime = 2;

/**
 * Subscribes to parts in their order: to the next one as soon as the one before it lacks no more than
 * `ahead` bytes, so that it has been asked for by when its turn comes. A part that completes lacks
 * nothing.
 *
 * ```
 * ahead 4   a, of 9 bytes:  --1--6--9-|
 *           b, of 2 bytes:       -------0-2|
 *           c, of 1 byte:             ---1|
 * startAhead:                 --1--6--9---012|
 * ```
 *
 * Emits what the parts emit, errors with the first that does, and completes when all have.
 * Unsubscribing unsubscribes those that go on.
 */
export function startAhead<E>(parts: readonly ArrivingPart<E>[], ahead: number): Observable<E> {
  return new Observable((subscriber) => {
    const started$ = new Subject<ArrivingPart<E>>();
    let started = 0;
    let lacking = 0;
    let starting = false;
    const startNext = (): void => {
      // Parts that are there at once would start each other in ever deeper calls.
      if (starting) return;
      starting = true;
      for (
        let part = parts[started];
        part !== undefined && lacking <= ahead;
        part = parts[started]
      ) {
        started++;
        lacking += part.size;
        started$.next(part);
      }
      starting = false;
      if (started === parts.length) started$.complete();
    };
    const arriving$ = started$.pipe(
      mergeMap(
        (part) =>
          arrivals(part, (bytes) => {
            lacking -= bytes;
            startNext();
          }),
        atATime,
      ),
    );
    subscriber.add(arriving$.subscribe(subscriber));
    startNext();
  });
}

/** What a part emits; after each event, `onBytes` is told how many bytes have arrived since the last. */
function arrivals<E>(
  { events$, size, arrivedBy }: ArrivingPart<E>,
  onBytes: (bytes: number) => void,
): Observable<E> {
  return new Observable((subscriber) => {
    let arrived = 0;
    const arrive = (bytes: number): void => {
      const more = bytes - arrived;
      arrived = bytes;
      if (more !== 0) onBytes(more);
    };
    return events$.subscribe({
      next: (event) => {
        subscriber.next(event);
        arrive(arrivedBy(event) ?? arrived);
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => {
        arrive(size);
        subscriber.complete();
      },
    });
  });
}
