import {
  asyncScheduler,
  defer,
  distinctUntilChanged,
  map,
  Observable,
  startWith,
  Subject,
  throttleTime,
  type SchedulerLike,
} from 'rxjs';
import { RxferError } from './errors.js';
import type { TransferJob } from './job.js';
import type { LiveTransfer } from './live-transfer.js';
import type { TransferEvent } from './progress.js';
import { Slots } from './slots.js';
import { Transfer, type TransferHost } from './transfer.js';

/** How busy a {@link TransferManager} is. */
export interface TransferManagerState {
  /** Transfers that hold a slot. */
  readonly active: number;
  /** Transfers in line for one. */
  readonly waiting: number;
  /** How many may hold a slot at a time; 0: any number. */
  readonly limit: number;
}

/** What a {@link TransferManager} is built with. */
export interface TransferManagerOptions {
  /** The clock of {@link LiveTransfer.since} and the time of `transfers$`. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** What a watcher of a transfer asks for. It counts as long as the transfer waits for its slot. */
export interface TransferOptions {
  /** Of those in line, the highest starts first. Default 0. */
  readonly priority?: number;
  /**
   * What takes turns with others of its priority, such as one pull with all its layers: anything
   * that is the same by `===`. Default: the group of all that state none.
   */
  readonly group?: unknown;
}

/** A priority that is not a number. */
export class InvalidPriorityError extends RxferError {
  override readonly name = 'InvalidPriorityError';

  constructor(priority: number) {
    super('ERR_INVALID_PRIORITY', `The priority ${priority} is not a number`, {
      hint: 'Give a number; the higher ones start first, and 0 is the usual one.',
    });
  }
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
 * A manager needs no closing: it has no timer and nothing outside itself, and what its transfers
 * hold is held for their watchers. When all have left, nothing is left in it.
 *
 * @example
 * const manager = new TransferManager<string>(2);
 * const fetch = (key: string) => manager.transfer(key, whenStarted(() => load(key)));
 * merge(fetch('a'), fetch('b'), fetch('a')).subscribe(console.log); // loads a and b once each
 */
export class TransferManager<T = unknown> {
  /** By key, the newest transfer until it is down; former ones hang on it while they close. */
  readonly #newest = new Map<string, Transfer<T>>();
  readonly #changes$ = new Subject<void>();
  readonly #scheduler: SchedulerLike;
  readonly #slots: Slots;
  readonly #host: TransferHost<T>;

  /**
   * @param concurrency how many transfers hold a slot at a time; 0: any number.
   * @throws InvalidConcurrencyError
   */
  constructor(concurrency = 0, { scheduler = asyncScheduler }: TransferManagerOptions = {}) {
    const changed = (): void => {
      if (this.#changes$.observed) this.#changes$.next();
    };
    this.#scheduler = scheduler;
    this.#slots = new Slots(checkedConcurrency(concurrency), changed);
    this.#host = {
      slots: this.#slots,
      changed,
      down: (transfer) => {
        this.#forget(transfer);
        changed();
      },
    };
  }

  /**
   * How busy the manager is: the current state on subscribing, then each change. Never completes
   * nor errors; costs nothing while nobody watches.
   *
   * ```
   * limit 1   a: --p---(r|)
   *           b: ----w-p---(r|)
   * state$:      s-t-u-t---s       s: none   t: one active   u: one active, one waiting
   * ```
   */
  readonly state$: Observable<TransferManagerState> = this.#changes$.pipe(
    startWith(undefined),
    map(() => {
      const { active, waiting, limit } = this.#slots;
      return { active, waiting, limit };
    }),
    distinctUntilChanged(
      (a, b) => a.active === b.active && a.waiting === b.waiting && a.limit === b.limit,
    ),
  );

  /**
   * The transfers that live or whose teardown is under way, for UIs and for finding leaks: the
   * list on subscribing, then after changes, at most ten times a second. Never completes nor errors;
   * costs nothing while nobody watches.
   *
   * ```
   * limit 1   a: -p 149ms (r|)
   * b watches:   -^ 49ms !            waits, and is cancelled before anybody is told
   * transfers$:  s 99ms t 99ms u      s: none   t: a   u: none
   * ```
   */
  readonly transfers$: Observable<readonly LiveTransfer[]> = defer(() =>
    this.#changes$.pipe(
      startWith(undefined),
      throttleTime(100, this.#scheduler, { leading: true, trailing: true }),
      map(() => this.#list()),
    ),
  );

  /**
   * The transfer of `key`, cold until watched: on subscribing, joins the one that is alive or
   * begins a new one with `job`.
   *
   * ```
   * first watches:    ---^                 until then, nothing happens
   * job runs:         ---^--!
   * first hears:      ----p-(r|)
   * ```
   *
   * The job runs once, whoever watches; a joiner gets the latest event at once, then each.
   *
   * ```
   * job:              --p-q---(r|)
   * first watches:    ^------!             leaves; the transfer goes on
   * first hears:      --p-q--
   * second watches:   -----^               joins, with the latest progress at once
   * second hears:     -----q--(r|)
   * ```
   *
   * Completes or errors as the job does, which frees the key; every watcher is told. What the job
   * throws is its error, and a job that ends without a result completes without one.
   *
   * ```
   * first job:       -p-(r|)
   * next watches:    ------^               once the first is over
   * next hears:      -------q-(s|)
   * ```
   *
   * Unsubscribing the last watcher cancels it, whether it waits, runs or retries: its job is
   * unsubscribed, its signal aborted, its slot or place in line free.
   *
   * ```
   * first watches:    ^----!
   * second watches:   --^-----!            the last one
   * job runs:         ^-------!
   * signal:           --------a            aborted
   * third waits:      w-------p-(r|)       for the slot
   * ```
   *
   * The same key afterwards begins anew, once the old one's teardown is over, and takes its place
   * in line then.
   *
   * ```
   * first watches:    ^--!                 the last one leaves
   * teardown:         ----|                begins then
   * second watches:   ----^
   * second hears:     --------q-(r|)
   * ```
   *
   * In line, higher priorities go first; inside a priority, groups take turns; inside a group,
   * first come, first served. A transfer stands where the best claim of its present watchers
   * puts it: one that joins with a higher priority lifts it for as long as it stays.
   *
   * ```
   * limit 1   a:       p--(r|)
   *           b:       w--------p--(r|)
   *           c (1):   w-----p--(r|)
   *           d (2):   w--p--(r|)
   * ```
   *
   * A slow watcher holds up neither the transfer nor the others.
   *
   * ```
   * job:              p-q-(r|)
   * slow hears:       p----q----r----|     takes 5 over each
   * other hears:      p-q-(r|)
   * ```
   *
   * From its handlers, a watcher may subscribe to any transfer of the manager,
   *
   * ```
   * limit 1       a:  p--(r|)
   *               b:  w--p--#
   * at p of a,    c:  w-----p--(r|)        asked for in next
   * at | of a,    a:  ---w-----p--(r|)     in complete: a new one
   * at # of b,    b:  ------w-----p--(r|)  in error: a new one
   * ```
   *
   * unsubscribe from any, which then hears no more,
   *
   * ```
   * job:              -p-q-r-(s|)
   * first hears:      -p-q-r-(s|)          at q makes the second leave, at its end the third
   * second hears:     -p-
   * third hears:      -p-q-r-s
   * fourth hears:     -p-q-r               leaves at r
   * ```
   *
   * and change the limit:
   *
   * ```
   * limit, 1:   --2-3-1
   * a:          p-q-#                      2: from its next   3: from its error
   * b:          w-p---(r|)                 1: from its complete
   * c:          w---p---(r|)
   * d:          w---p---(r|)
   * e:          w-------p---(r|)
   * ```
   *
   * @throws InvalidPriorityError
   */
  transfer(
    key: string,
    job: TransferJob<T>,
    options: TransferOptions = noOptions,
  ): Observable<TransferEvent<T>> {
    const { priority = 0, group } = options;
    if (Number.isNaN(priority)) throw new InvalidPriorityError(priority);
    return new Observable((watcher) => {
      this.#living(key, priority, group).watch(watcher, job, priority, group);
    });
  }

  /**
   * Changes how many hold a slot at a time, at once: raised, the next in line start; lowered,
   * those that run go on and nothing starts until fewer than the limit run.
   *
   * ```
   * limit, 1:   --0-----2                  0: any number
   * a:          p-------(r|)
   * b:          w-p-------(r|)
   * c:          w-p-------(r|)
   * d:          ----p-------(r|)
   * e:          ---------wp-------(r|)
   * ```
   *
   * @param limit 0: any number.
   * @throws InvalidConcurrencyError
   */
  setConcurrency(limit: number): void {
    this.#slots.setLimit(checkedConcurrency(limit));
  }

  #living(key: string, priority: number, group: unknown): Transfer<T> {
    const newest = this.#newest.get(key);
    if (newest?.isOver === false) return newest;
    const now = this.#scheduler.now();
    const transfer = new Transfer(key, now, newest, this.#host, priority, group);
    this.#newest.set(key, transfer);
    return transfer;
  }

  #forget(transfer: Transfer<T>): void {
    const { key, predecessor } = transfer;
    if (this.#newest.get(key) !== transfer) return;
    // One that was cancelled while it waited for its predecessor's teardown leaves that behind.
    if (predecessor === undefined) this.#newest.delete(key);
    else this.#newest.set(key, predecessor);
  }

  #list(): LiveTransfer[] {
    const list: LiveTransfer[] = [];
    for (const newest of this.#newest.values()) {
      for (let one: typeof newest | undefined = newest; one; one = one.predecessor) {
        list.push(one.describe());
      }
    }
    return list;
  }
}

const noOptions: TransferOptions = {};

function checkedConcurrency(limit: number): number {
  if (!Number.isInteger(limit) || limit < 0) throw new InvalidConcurrencyError(limit);
  return limit;
}
