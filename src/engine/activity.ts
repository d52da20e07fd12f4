import { defer, filter, mergeMap, Subject, takeUntil, throwError, type Observable } from 'rxjs';
import { CancelledError } from './errors.js';

/** Why something, or with no id everything, is to end. */
interface Stop {
  readonly id?: string;
  readonly why: string;
}

/** What moves images here, and can be stopped by others than those who watch it. */
export class Activity {
  readonly #stops$ = new Subject<Stop>();
  #count = 0;

  /**
   * The same events; errors with a CancelledError when it is stopped. Each subscription is an
   * activity of its own.
   */
  track<E>(events$: Observable<E>): Observable<E> {
    return defer(() => {
      const own = String(++this.#count);
      const stopped$ = this.#stops$.pipe(
        filter(({ id = own }) => id === own),
        mergeMap(({ why }) => throwError(() => new CancelledError(why))),
      );
      return events$.pipe(takeUntil(stopped$));
    });
  }

  /** Ends everything that is under way. */
  endAll(why: string): void {
    this.#stops$.next({ why });
  }
}
