import {
  AsyncSubject,
  catchError,
  concat,
  defer,
  EMPTY,
  merge,
  Observable,
  ReplaySubject,
  share,
  tap,
} from 'rxjs';
import type { TransferContext, TransferJob } from './job.js';
import type { TransferEvent } from './progress.js';
import type { Place, Slots } from './slots.js';

/** Where a transfer stands in its manager: who owns its key before, while and after it lives. */
export interface TransferSeat {
  readonly slots: Slots;
  /** Completes when the former transfer of this key is down. */
  readonly predecessorDown$: Observable<never>;
  /** The transfer has ended or is being cancelled: from now on the key is free to a new one. */
  released(): void;
  /** The transfer's teardown is over. */
  down(): void;
}

/**
 * One transfer, from its first watcher to the end of its teardown, as a shared Observable: the
 * job runs once, each watcher sees all events, a late one gets the latest first, and the last to
 * leave tears the job down.
 *
 * ```
 * job:      --p-q---r-s|
 * early:    ^-p-q---r-s|
 * late:     -----(q)r-!          joins, gets q at once, leaves: the transfer goes on
 * ```
 */
export function shareTransfer<T>(
  job: TransferJob<T>,
  seat: TransferSeat,
): Observable<TransferEvent<T>> {
  const transfer$ = new Observable<TransferEvent<T>>((watchers) => {
    const transfer = new Transfer();
    let completed = false;
    // Finalizers run in the order of adding. The key is free before the job's teardown runs, so
    // that whoever subscribes to it in there finds a new transfer rather than a dying one.
    watchers.add(() => seat.released());
    watchers.add(() => transfer.abort(completed));
    concat(
      seat.predecessorDown$,
      defer(() => transfer.run(job, seat.slots)),
    )
      .pipe(
        tap({
          complete: () => {
            completed = true;
            seat.released();
          },
          error: () => seat.released(),
        }),
      )
      .subscribe(watchers);
    watchers.add(() => transfer.tearDown(seat));
  });
  return transfer$.pipe(share({ connector: () => new ReplaySubject(1) }));
}

class Transfer implements TransferContext {
  readonly #started$ = new AsyncSubject<void>();
  readonly start$ = this.#started$.asObservable();
  readonly #cleanups: Observable<unknown>[] = [];
  #controller: AbortController | undefined;
  #place: Place | undefined;
  #over = false;

  /** Made on demand: most jobs of pure Rx never look at it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#over) this.#controller.abort();
    return this.#controller.signal;
  }

  inactive(): void {
    this.#place?.leave();
  }

  cleanup(work$: Observable<unknown>): void {
    this.#cleanups.push(work$);
  }

  run<T>(job: TransferJob<T>, slots: Slots): Observable<TransferEvent<T>> {
    this.#place = slots.enter(() => {
      this.#started$.next();
      this.#started$.complete();
    });
    return job(this);
  }

  abort(completed: boolean): void {
    if (completed) return;
    this.#over = true;
    this.#controller?.abort();
  }

  tearDown(seat: TransferSeat): void {
    this.#place?.leave();
    const works = this.#cleanups.map((work$) => work$.pipe(catchError(() => EMPTY)));
    // One that was cancelled while it waited for its predecessor is down when that one is.
    merge(seat.predecessorDown$, ...works).subscribe({ complete: () => seat.down() });
  }
}
