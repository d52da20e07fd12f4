import { Observable, type Subscriber } from 'rxjs';
import { Claims } from './claims.js';
import { Claim, ClaimFor, type Line } from './line.js';

/** Where a {@link Place} is: not yet in line, in line, holding a slot, or done with it. */
export type PlaceState = 'apart' | 'waiting' | 'held' | 'left';

/** Who gets the slot. */
export interface SlotHolder {
  /** The slot is there. */
  start(): void;
}

/**
 * A transfer's place: apart from the line at first, then in line, then holding a slot, then left.
 *
 * It stands in line once for each priority and group that its watchers ask for, and the first of
 * these claims whose turn comes gets it the slot. So a watcher that joins with a higher priority
 * lifts it, and a group's turn serves what the group waits for, whoever asked for it first. When
 * the last watcher with a claim leaves, its claim goes with it and the others stand where they
 * stood.
 *
 * Almost all have one claim, so the place is itself the first one. It is a link of one ring at a time:
 * of those in line, then of those that hold a slot.
 *
 * ```
 * limit 1   a: p--(r|)
 *           b: w-----p--(r|)
 *           c: w--p--(r|)
 *           d: w--------p--(r|)
 *           e: w-----------p--(r|)
 * joins c:     --^                       with priority 1: c goes ahead of b
 * joins e:     -^!                       has left by then: e stands where it stood
 * ```
 */
export class Place extends Claim<Place> {
  readonly #owner: SlotHolder;
  #others: Claims<Place> | undefined;
  #state: PlaceState = 'apart';
  #line: Line<Place> | undefined;
  #slot: Subscriber<never> | undefined;

  /** @param priority of the first claim, as is `group`. */
  constructor(owner: SlotHolder, priority: number, group: unknown) {
    super(priority, group);
    this.#owner = owner;
  }

  get holder(): this {
    return this;
  }

  get state(): PlaceState {
    return this.#state;
  }

  /** Adds a watcher's claim, to be withdrawn when it leaves. */
  claim(priority: number, group: unknown): Claim<Place> {
    const claim = this.#find(priority, group) ?? this.#another(priority, group);
    if (claim.watchers++ === 0) this.#line?.enter(claim);
    return claim;
  }

  withdraw(claim: Claim<Place>): void {
    claim.watchers--;
    if (claim.watchers > 0) return;
    this.#line?.leave(claim);
    if (claim !== this) this.#others?.remove(claim);
  }

  /** Stands in line from now on. */
  wait(line: Line<Place>): void {
    this.#state = 'waiting';
    this.#line = line;
    if (this.watchers > 0) line.enter(this);
    for (const claim of this.#others?.all() ?? none) line.enter(claim);
  }

  /** Has got the slot, to start with. */
  take(): void {
    this.#state = 'held';
    this.#leaveLine();
  }

  start(): void {
    this.#owner.start();
  }

  /** Holds this slot from now on, unless it was left again already. */
  keep(slot: Subscriber<never>): boolean {
    if (this.#state !== 'held') return false;
    this.#slot = slot;
    return true;
  }

  /**
   * The slot that is held, for another mergeMap: completes at once where it was left before. Each
   * new limit subscribes to one anew, so that its end doesn't mean that the slot is free.
   */
  occupancy(): Observable<never> {
    return new Observable<never>((slot) => {
      if (!this.keep(slot)) slot.complete();
    });
  }

  /** Leaves the line, or the slot, which it gives back. */
  leave(): Subscriber<never> | undefined {
    this.#state = 'left';
    this.#leaveLine();
    return this.#slot;
  }

  #find(priority: number, group: unknown): Claim<Place> | undefined {
    // Withdrawn while there are others, the first one comes back as one of these.
    const isFirst = this.watchers > 0 || this.#others === undefined;
    if (isFirst && this.priority === priority && this.group === group) return this;
    return this.#others?.find(priority, group);
  }

  #another(priority: number, group: unknown): Claim<Place> {
    const claim = new ClaimFor<Place>(this, priority, group);
    (this.#others ??= new Claims()).add(claim);
    return claim;
  }

  #leaveLine(): void {
    const line = this.#line;
    if (line === undefined) return;
    this.#line = undefined;
    line.leave(this);
    for (const claim of this.#others?.all() ?? none) line.leave(claim);
  }
}

const none: readonly Claim<Place>[] = [];
