import {
  AsyncSubject,
  concat,
  defer,
  EMPTY,
  from,
  merge,
  Observable,
  type Subscriber,
  type Unsubscribable,
} from 'rxjs';
import { Broadcast, Listener } from './broadcast.js';
import { Context } from './context.js';
import { idleJobOf, type IdleJob } from './idle-job.js';
import type { TransferContext, TransferJob } from './job.js';
import type { Claim } from './line.js';
import type { LiveTransfer, TransferPhase } from './live-transfer.js';
import { Place, type PlaceState, type SlotHolder } from './place.js';
import type { TransferEvent } from './progress.js';
import type { Slots } from './slots.js';

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
 *
 * Very many may wait, so all that only a running job needs is made when it runs.
 */
export class Transfer<T> extends Broadcast<TransferEvent<T>> implements SlotHolder {
  readonly key: string;
  readonly #since: number;
  readonly #host: TransferHost<T>;
  readonly #place: Place;
  #context: Context | undefined;
  /** The job while it waits for its slot and nothing of it is subscribed to. */
  #idle: IdleJob<T> | undefined;
  #running: Subscriber<TransferEvent<T>> | undefined;
  /** Its job is being subscribed to. */
  #isBeginning = false;
  #predecessor: Transfer<T> | undefined;
  #isOver = false;
  #isDown = false;
  #down$: AsyncSubject<never> | undefined;

  /**
   * @param since the time of its beginning, in ms.
   * @param predecessor the former transfer of this key, where it isn't down yet.
   * @param priority what its first watcher asks for, as is `group`.
   */
  constructor(
    key: string,
    since: number,
    predecessor: Transfer<T> | undefined,
    host: TransferHost<T>,
    priority: number,
    group: unknown,
  ) {
    super();
    this.key = key;
    this.#since = since;
    this.#predecessor = predecessor;
    this.#host = host;
    this.#place = new Place(this, priority, group);
  }

  /** Ended or cancelled: the key is free to a new one. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * The former transfer of this key that isn't down yet. One that is cancelled while it waits is
   * down ahead of its own predecessor, which is then this one's.
   */
  get predecessor(): Transfer<T> | undefined {
    let former = this.#predecessor;
    while (former !== undefined && former.#isDown) former = former.#predecessor;
    return (this.#predecessor = former);
  }

  /** Completes when the teardown is over. */
  get down$(): Observable<never> {
    if (this.#isDown) return EMPTY;
    return (this.#down$ ??= new AsyncSubject());
  }

  describe(): LiveTransfer {
    const { latest, size } = this;
    return {
      key: this.key,
      phase: this.#isOver ? 'closing' : phases[this.#place.state],
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
    const isFirst = this.size === 0;
    const watcher = new Watcher(this, subscriber, this.#place.claim(priority, group));
    this.add(watcher);
    subscriber.add(watcher);
    if (isFirst && !this.#isOver) this.#begin(job);
    this.#host.changed();
  }

  /** A watcher leaves: the last one cancels the transfer, unless it has ended already. */
  unwatch(watcher: Watcher<T>): void {
    this.remove(watcher);
    if (!this.#isOver) {
      if (this.size > 0) this.#place.withdraw(watcher.claim);
      else this.#cancel();
    }
    this.#host.changed();
  }

  override error(error: unknown): void {
    this.#end();
    super.error(error);
    this.#context?.abort();
    this.#stop();
  }

  override complete(): void {
    this.#end();
    super.complete();
    this.#stop();
  }

  /** The slot is there: one that waited idly begins its work. */
  start(): void {
    const idle = this.#idle;
    this.#idle = undefined;
    if (idle === undefined) this.#context?.start();
    else this.#subscribe((context) => idle.run(context));
  }

  #begin(job: TransferJob<T>): void {
    const idle = this.predecessor === undefined ? idleJobOf(job) : undefined;
    if (idle === undefined) this.#subscribe((context) => this.#whenFree(job, context));
    else this.#beginIdle(idle);
  }

  /** Does as the job itself would, without a subscription as long as it waits. */
  #beginIdle(idle: IdleJob<T>): void {
    this.#host.slots.enter(this.#place);
    // Whoever hears of any of this may leave, or free a slot.
    if (!this.#isOver && idle.opening !== undefined) this.next(idle.opening);
    if (!this.#isOver && this.#place.state === 'waiting') this.next(idle.waits);
    if (this.#isOver) return;
    if (this.#place.state === 'waiting') this.#idle = idle;
    else this.#subscribe((context) => idle.run(context));
  }

  #subscribe(work: TransferJob<T>): void {
    const context = (this.#context = new Context(this.#host.slots, this.#place));
    const run$ = new Observable<TransferEvent<T>>((running) => {
      this.#running = running;
      from(work(context)).subscribe(running);
    });
    this.#isBeginning = true;
    try {
      run$.subscribe(this);
    } finally {
      this.#isBeginning = false;
      if (this.#running?.closed === true) this.#tearDown();
    }
  }

  #whenFree(job: TransferJob<T>, context: TransferContext): Observable<TransferEvent<T>> {
    const { predecessor } = this;
    if (predecessor === undefined) return this.#run(job, context);
    return concat(
      predecessor.down$,
      defer(() => this.#whenFree(job, context)),
    );
  }

  #run(job: TransferJob<T>, context: TransferContext): Observable<TransferEvent<T>> {
    this.#host.slots.enter(this.#place);
    // Whoever heard of that by `state$` may have left.
    return this.#isOver ? EMPTY : job(context);
  }

  /** The slot is held until the job is down; a place in line is of no more use. */
  #end(): void {
    this.#isOver = true;
    if (this.#place.state !== 'held') this.#host.slots.leave(this.#place);
  }

  #cancel(): void {
    this.#isOver = true;
    this.#context?.abort();
    this.#stop();
  }

  /**
   * Takes the job down, then what it held. That isn't left to a teardown of its subscription, which
   * would go ahead of those that operators add to the same one for what they subscribe to later. A
   * job that is still being subscribed to is down when that returns.
   */
  #stop(): void {
    try {
      this.#running?.unsubscribe();
    } finally {
      if (!this.#isBeginning) this.#tearDown();
    }
  }

  #tearDown(): void {
    this.#host.slots.leave(this.#place);
    const works = this.#context?.close() ?? [];
    if (works.length === 0) this.#goDown();
    else merge(...works).subscribe({ complete: () => this.#goDown() });
  }

  #goDown(): void {
    this.#isDown = true;
    // V8 counts a transfer that waited long as old, and keeps what an old object leads to until it
    // collects the old ones: all the garbage of its run would be copied along till then.
    this.#context = undefined;
    this.#running = undefined;
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
