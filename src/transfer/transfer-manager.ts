import { AsyncSubject, defer, EMPTY, map, startWith, type Observable } from 'rxjs';
import { RxferError } from './errors.js';
import type { TransferJob } from './job.js';
import type { TransferEvent } from './progress.js';
import { Slots } from './slots.js';
import { shareTransfer } from './transfer.js';

/** How busy a {@link TransferManager} is. */
export interface TransferManagerState {
  /** Transfers that hold a slot. */
  readonly active: number;
  /** Transfers in line for one. */
  readonly waiting: number;
  /** How many may hold a slot at a time; 0: any number. */
  readonly limit: number;
}

/** A concurrency limit that is not a whole number from 0 up. */
export class InvalidConcurrencyError extends RxferError {
  override readonly name = 'InvalidConcurrencyError';

  constructor(limit: number) {
    super('ERR_INVALID_CONCURRENCY', `The concurrency ${limit} is not a whole number from 0 up`, {
      hint: 'Give the number of transfers that may move data at a time, or 0 for no limit.',
    });
  }
}

/**
 * Schedules and deduplicates transfers by key: callers that want the same thing share one
 * transfer, a limited number hold a slot at a time, and the last watcher to leave cancels.
 *
 * All transfers of a manager have results of one type, since whoever joins one by its key gets
 * what the first one's job makes.
 *
 * @example
 * const manager = new TransferManager<string>(2);
 * const fetch = (key: string) => manager.transfer(key, whenStarted(() => load(key)));
 * merge(fetch('a'), fetch('b'), fetch('a')).subscribe(console.log); // loads a and b once each
 */
export class TransferManager<T = unknown> {
  readonly #slots: Slots;
  readonly #alive = new Map<string, Observable<TransferEvent<T>>>();
  /** By key, the transfers whose teardown is under way. */
  readonly #closing = new Map<string, Observable<never>>();

  /**
   * @param concurrency how many transfers hold a slot at a time; 0: any number.
   * @throws InvalidConcurrencyError
   */
  constructor(concurrency = 0) {
    this.#slots = new Slots(checked(concurrency));
  }

  /**
   * How busy the manager is: the current state on subscribing, then each change. Never completes;
   * costs nothing while nobody watches.
   *
   * ```
   * transfers:  a[ b[ ]   limit 1
   * state$:     01-12-1-0   (active and waiting)
   * ```
   */
  readonly state$: Observable<TransferManagerState> = defer(() =>
    this.#slots.changes$.pipe(
      startWith(undefined),
      map(() => {
        const { active, waiting, limit } = this.#slots;
        return { active, waiting, limit };
      }),
    ),
  );

  /**
   * The transfer of `key`, cold until watched: on subscribing, joins the one that is alive or
   * begins a new one with `job`.
   *
   * ```
   * job:       --p-p-----(r|)
   * first:     ^-p-p--!              leaves; the transfer goes on
   * second:    -----(p)--(r|)        joins, with the latest progress at once
   * ```
   *
   * - Emits the job's events; a joiner gets the latest one first.
   * - Completes or errors as the job does, which frees the key; every watcher is told.
   * - Unsubscribing the last watcher cancels it, whether it waits, runs or retries. The same key
   *   afterwards begins anew, once the old one's teardown is over, and takes its place in line then.
   */
  transfer(key: string, job: TransferJob<T>): Observable<TransferEvent<T>> {
    return defer(() => this.#alive.get(key) ?? this.#begin(key, job));
  }

  /**
   * Changes how many hold a slot at a time, at once: raised, the next in line start; lowered,
   * those that run go on and nothing starts until fewer than the limit run.
   *
   * @param limit 0: any number.
   * @throws InvalidConcurrencyError
   */
  setConcurrency(limit: number): void {
    this.#slots.setLimit(checked(limit));
  }

  #begin(key: string, job: TransferJob<T>): Observable<TransferEvent<T>> {
    const down$ = new AsyncSubject<never>();
    const transfer$ = shareTransfer(job, {
      slots: this.#slots,
      predecessorDown$: this.#closing.get(key) ?? EMPTY,
      released: () => {
        if (this.#alive.get(key) !== transfer$) return;
        this.#alive.delete(key);
        this.#closing.set(key, down$);
      },
      down: () => {
        if (this.#closing.get(key) === down$) this.#closing.delete(key);
        down$.complete();
      },
    });
    this.#alive.set(key, transfer$);
    return transfer$;
  }
}

function checked(limit: number): number {
  if (!Number.isInteger(limit) || limit < 0) throw new InvalidConcurrencyError(limit);
  return limit;
}
