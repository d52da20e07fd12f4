import {
  catchError,
  concatMap,
  defer,
  EMPTY,
  from,
  mergeMap,
  of,
  timer,
  type Observable,
} from 'rxjs';
import { createRegistryClient, type PulledImage, type RegistryClient, type Rxfer } from 'rxfer';

/** A client that asks mirrors near by first, and the registry itself where they fail. */
export function fleetClient(mirrors: readonly string[]): RegistryClient {
  return createRegistryClient({ mirrors });
}

/** How {@link prefetch} behaves. */
export interface PrefetchOptions {
  /** Told of each image that can't be had; the others are pulled all the same. */
  readonly onFailure: (reference: string, error: unknown) => void;
  /** The time in ms over which the machines of a fleet spread their beginnings. */
  readonly spread: number;
}

/** Pulls what a machine will need, one image after the other, to be in nobody's way. */
export function prefetch(
  rxfer: Rxfer,
  references: readonly string[],
  { onFailure, spread }: PrefetchOptions,
): Observable<PulledImage> {
  const pulled = (reference: string): Observable<PulledImage> =>
    rxfer.pull(reference).pipe(
      mergeMap((event) => {
        if (event.kind !== 'result') return EMPTY;
        event.release();
        return of(event.image);
      }),
      catchError((error: unknown) => {
        onFailure(reference, error);
        return EMPTY;
      }),
    );
  // Machines that are told at once would ask the mirrors for the same bytes at once.
  const begin$ = defer(() => timer(Math.random() * spread));
  return begin$.pipe(concatMap(() => from(references).pipe(concatMap(pulled))));
}
