import {
  AsyncSubject,
  concat,
  defer,
  EMPTY,
  merge,
  Observable,
  type Observer,
  type Subscriber,
  type Unsubscribable,
} from 'rxjs';
import { Broadcast, Listener } from './broadcast.js';
import { Context } from './context.js';
import type { TransferJob } from './job.js';
import type { Claim } from './line.js';
import type { LiveTransfer, TransferPhase } from './live-transfer.js';
import type { Place, PlaceState, SlotHolder } from './place.js';
import type { TransferEvent } from './progress.js';
import type { Slots } from './slots.js';
import { idleJobOf, type IdleJob } from './when-started.js';

/** What a transfer needs of its manager. */
export interface TransferHost<T> {
  readonly slots: Slots;
  /** Something changed of what {@link Transfer.describe} tells. */
  changed(): void;
  /** The transfer's teardown is over. */
  down(transfer: Transfer<T>): void;
}

/**
 * One transfer, from its first watcher to the end of its teardown: the job runs once, each watcher
 * sees all events, a late one gets the latest first, and the last to leave tears the job down.
 *
 * ```
 * job:            --p-q---r-s|
 * early hears:    --p-q---r-s|
 * late watches:   -----^---!         joins, gets q at once, leaves: the transfer goes on
 * late hears:     -----q--r
 * ```
 *
 * Its end, of either kind, reaches all and frees the key:
 *
 * ```
 * job:            -p--#              fails
 * early hears:    -p--#
 * late watches:   --^
 * late hears:     --p-#
 * next watches:   ------^            begins anew: -q-(s|)
 * next hears:     -------q-(s|)
 * ```
 *
 * It observes its job: whatever that does, the key is free before anybody is told of an end, so
 * that whoever subscribes to it then finds a new transfer rather than an ended one.
 */
export class Transfer<T> implements Observer<TransferEvent<T>>, SlotHolder {
  readonly key: string;
  readonly #since: number;
  readonly #host: TransferHost<T>;
  readonly #watchers = new Broadcast<TransferEvent<T>>();
  readonly #context: Context;
  #hasBegun = false;
  /** The job while it waits for its slot and nothing of it is subscribed to. */
  #idle: IdleJob<T> | undefined;
  #running: Subscriber<TransferEvent<T>> | undefined;
  #predecessor: Transfer<T> | undefined;
  #isOver = false;
  #isDown = false;
  #down$: AsyncSubject<never> | undefined;

  /**
   * @param since the time of its beginning, in ms.
   * @param predecessor the former transfer of this key, where it isn't down yet.
   */
  constructor(
    key: string,
    since: number,
    predecessor: Transfer<T> | undefined,
    host: TransferHost<T>,
  ) {
    this.key = key;
    this.#since = since;
    this.#predecessor = predecessor;
    this.#host = host;
    this.#context = new Context(host.slots, this);
  }

  /** Ended or cancelled: the key is free to a new one. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get predecessor(): Transfer<T> | undefined {
    return this.#predecessor;
  }

  /** Completes when the teardown is over. */
  get down$(): Observable<never> {
    if (this.#isDown) return EMPTY;
    return (this.#down$ ??= new AsyncSubject());
  }

  describe(): LiveTransfer {
    const { latest, size } = this.#watchers;
    return {
      key: this.key,
      phase: this.#isOver ? 'closing' : phases[this.#context.place.state],
      watchers: size,
      since: this.#since,
      ...(latest?.kind === 'progress' && { progress: latest.progress }),
    };
  }

  /** Lets a watcher join, with what it asks for; the first one begins the transfer with its job. */
  watch(
    subscriber: Subscriber<TransferEvent<T>>,
    job: TransferJob<T>,
    priority: number,
    group: unknown,
  ): void {
    const watcher = new Watcher(this, subscriber, this.#context.place.claim(priority, group));
    this.#watchers.add(watcher);
    subscriber.add(watcher);
    if (!this.#hasBegun && !this.#isOver) this.#begin(job);
    this.#host.changed();
  }

  /** A watcher leaves: the last one cancels the transfer, unless it has ended already. */
  unwatch(watcher: Watcher<T>): void {
    this.#watchers.remove(watcher);
    if (!this.#isOver) {
      if (this.#watchers.size > 0) this.#context.place.withdraw(watcher.claim);
      else this.#cancel();
    }
    this.#host.changed();
  }

  next(event: TransferEvent<T>): void {
    this.#watchers.next(event);
  }

  error(error: unknown): void {
    this.#end();
    this.#watchers.error(error);
    this.#context.abort();
  }

  complete(): void {
    this.#end();
    this.#watchers.complete();
  }

  /** The slot is there: one that waited idly begins its work. */
  start(): void {
    const idle = this.#idle;
    if (idle === undefined) return;
    this.#idle = undefined;
    this.#subscribe(() => idle.run(this.#context));
  }

  #begin(job: TransferJob<T>): void {
    this.#hasBegun = true;
    const idle = this.#predecessor === undefined ? idleJobOf(job) : undefined;
    if (idle === undefined) this.#subscribe(() => this.#whenFree(job));
    else this.#beginIdle(idle);
  }

  /** Does as the job itself would, without a subscription as long as it waits. */
  #beginIdle(idle: IdleJob<T>): void {
    this.#host.slots.enter(this.#context.place);
    if (!this.#isOver && !this.#context.started) this.next(idle.waits);
    // Whoever heard that it waits may have left, or freed a slot.
    if (this.#isOver) return;
    if (this.#context.started) this.#subscribe(() => idle.run(this.#context));
    else this.#idle = idle;
  }

  #subscribe(work: () => Observable<TransferEvent<T>>): void {
    const run$ = new Observable<TransferEvent<T>>((running) => {
      this.#running = running;
      defer(work).subscribe(running);
      running.add(() => this.#tearDown());
    });
    run$.subscribe(this);
  }

  #whenFree(job: TransferJob<T>): Observable<TransferEvent<T>> {
    if (this.#predecessor === undefined) return this.#run(job);
    return concat(
      this.#predecessor.down$,
      defer(() => {
        this.#predecessor = undefined;
        return this.#run(job);
      }),
    );
  }

  #run(job: TransferJob<T>): Observable<TransferEvent<T>> {
    this.#host.slots.enter(this.#context.place);
    // Whoever heard of that by `state$` may have left.
    return this.#isOver ? EMPTY : job(this.#context);
  }

  /** The slot is held until the job is down; a place in line is of no more use. */
  #end(): void {
    this.#isOver = true;
    if (!this.#context.started) this.#context.inactive();
  }

  #cancel(): void {
    this.#isOver = true;
    this.#context.abort();
    if (this.#running === undefined) this.#tearDown();
    else this.#running.unsubscribe();
  }

  #tearDown(): void {
    this.#host.slots.leave(this.#context.place);
    const works = this.#context.cleanups();
    // One that was cancelled while it waited for its predecessor is down when that one is.
    if (this.#predecessor !== undefined) works.push(this.#predecessor.down$);
    if (works.length === 0) this.#goDown();
    else merge(...works).subscribe({ complete: () => this.#goDown() });
  }

  #goDown(): void {
    this.#predecessor = undefined;
    this.#isDown = true;
    this.#host.down(this);
    this.#down$?.complete();
  }
}

/** One who watches a transfer, from joining to leaving. */
class Watcher<T> extends Listener<TransferEvent<T>> implements Unsubscribable {
  readonly #transfer: Transfer<T>;

  constructor(
    transfer: Transfer<T>,
    subscriber: Subscriber<TransferEvent<T>>,
    readonly claim: Claim<Place>,
  ) {
    super(subscriber);
    this.#transfer = transfer;
  }

  unsubscribe(): void {
    this.#transfer.unwatch(this);
  }
}

const phases = {
  apart: 'blocked',
  waiting: 'waiting',
  held: 'active',
  left: 'inactive',
} as const satisfies Record<PlaceState, TransferPhase>;
