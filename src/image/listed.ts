import { EMPTY, mergeMap, of, type Observable } from 'rxjs';
import { fromAbortable } from '../distribution/index.js';
import type { ListOptions, ReferrerOptions } from '../registry/index.js';

/** How a registry's listing is read; see ListOptions. */
export type ListingOptions = Omit<ListOptions, 'signal'>;

/** Which referrers are listed; see ReferrerOptions. */
export type ReferrersOptions = Omit<ReferrerOptions, 'signal'>;

/**
 * A cold Observable of all that a listing has, page by page. No page is asked for once nobody is
 * there to hear it.
 *
 * ```
 * pages:   -----(abc)----(de)|
 * result:  -----(abc)----(de|)
 * take(2): -----(ab|)            the second page isn't asked for
 * ```
 */
export function listed<T>(
  open: (signal: AbortSignal) => AsyncIterable<readonly T[]>,
): Observable<T> {
  const end = Symbol('end');
  return fromAbortable<T | typeof end>(async (signal, emit) => {
    for await (const page of open(signal)) {
      for (const entry of page) emit(entry);
      if (signal.aborted) break;
    }
    return end;
  }).pipe(mergeMap((value) => (value === end ? EMPTY : of(value))));
}
