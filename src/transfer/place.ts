import { Observable, type Subscriber } from 'rxjs';
import { Claim, type Line } from './line.js';

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
export class Place {
  readonly #holder: SlotHolder;
  /** The first, which leads to the others. */
  #claims: Claim<Place> | undefined;
  #state: PlaceState = 'apart';
  #line: Line<Place> | undefined;
  #slot: Subscriber<never> | undefined;

  constructor(holder: SlotHolder) {
    this.#holder = holder;
  }

  get state(): PlaceState {
    return this.#state;
  }

  /** Adds a watcher's claim, to be withdrawn when it leaves. */
  claim(priority: number, group: unknown): Claim<Place> {
    let last: Claim<Place> | undefined;
    for (let one = this.#claims; one; one = one.sibling) {
      if (one.priority === priority && one.group === group) {
        one.watchers++;
        return one;
      }
      last = one;
    }
    const claim = new Claim<Place>(this, priority, group);
    if (last === undefined) this.#claims = claim;
    else last.sibling = claim;
    this.#line?.enter(claim);
    return claim;
  }

  withdraw(claim: Claim<Place>): void {
    claim.watchers--;
    if (claim.watchers > 0) return;
    this.#line?.leave(claim);
    if (this.#claims === claim) this.#claims = claim.sibling;
    for (let one = this.#claims; one; one = one.sibling) {
      if (one.sibling === claim) one.sibling = claim.sibling;
    }
  }

  /** Stands in line from now on. */
  wait(line: Line<Place>): void {
    this.#state = 'waiting';
    this.#line = line;
    for (let claim = this.#claims; claim; claim = claim.sibling) line.enter(claim);
  }

  /** Has got the slot. */
  take(): void {
    this.#state = 'held';
    this.#leaveLine();
    this.#holder.start();
  }

  /**
   * The holding of the slot: completes when the place is left, at once where it was before. Each
   * new limit subscribes to one anew, so that its end doesn't mean that the slot is free.
   */
  occupancy(): Observable<never> {
    return new Observable<never>((slot) => {
      if (this.#state === 'left') slot.complete();
      else this.#slot = slot;
    });
  }

  leave(): void {
    this.#state = 'left';
    this.#leaveLine();
    this.#slot?.complete();
  }

  #leaveLine(): void {
    const line = this.#line;
    if (line === undefined) return;
    for (let claim = this.#claims; claim; claim = claim.sibling) line.leave(claim);
    this.#line = undefined;
  }
}
