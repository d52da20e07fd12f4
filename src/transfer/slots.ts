import {
  BehaviorSubject,
  concat,
  defer,
  from,
  mergeMap,
  Observable,
  switchMap,
  type Subscriber,
} from 'rxjs';
import { Line } from './line.js';
import type { Place } from './place.js';
import { Ring } from './ring.js';

/**
 * Hands out a limited number of slots to places, in the order of their {@link Line}.
 *
 * What `mergeMap(…, limit)` runs is a slot in use. It is fed with *turns* rather than with the
 * waiting themselves: a turn makes a slot serve whoever is next in line, one after the other, until
 * nobody is, and at most one waits in mergeMap's buffer. So the line has any order that we want and
 * is left at once, and the buffer, an array that mergeMap shifts, stays short whatever waits.
 *
 * ```
 * limit 2   a: p-----(r|)
 *           b: p--------(r|)
 *           c: w-----p-----(r|)          w: in line   p: started
 *           d: w--------p----(r|)
 * ```
 *
 * The occupancy of a slot is not the transfer: it ends when the job gives it back by `inactive`,
 * completes, fails or is cancelled.
 *
 * ```
 * limit 1   a: p-q-------(r|)       gives it back at q, and goes on
 *           b: w-p-(r|)             completes
 *           c: w---p-#              fails
 *   d watches: ^-------!            cancelled
 *           d: w-----p-
 *           e: w-------p-(r|)
 * ```
 *
 * Whatever waits, entering the line, leaving it and the next turn cost the same:
 *
 * ```
 * limit 1        a: p--(r|)
 * 100,000 watch:    ^-!             wait, and leave
 *                b: w--p--(r|)      asked for after them
 * ```
 *
 * A new limit switches to a new mergeMap, which gets the still-held occupancies ahead of turns:
 * raised, the next in line start at once; lowered, nothing starts until fewer than the limit run.
 *
 * ```
 * limit, 1:   --3---1
 * a:          p-------(r|)
 * b:          w-p-------(r|)
 * c:          w-p-------(r|)
 * d:          w---------p-------(r|)     three ran when the limit was lowered
 * ```
 */
export class Slots {
  readonly #changed: () => void;
  readonly #line = new Line<Place>();
  readonly #occupied = new Ring<Place>();
  /** Where mergeMap takes turns. */
  #turns: Subscriber<'turn'> | undefined;
  readonly #limit$: BehaviorSubject<number>;
  #active = 0;
  #waiting = 0;
  /** A turn waits in mergeMap's buffer for a slot. */
  #turnWaits = false;
  #offering = false;

  /**
   * @param limit how many hold a slot at a time; 0: any number.
   * @param changed called after each change of what the three numbers below say.
   */
  constructor(limit: number, changed: () => void) {
    this.#changed = changed;
    this.#limit$ = new BehaviorSubject(limit);
    // The kernel's one subscription of its own: it holds no timer and nothing outside this
    // object, so it lives and is collected with it.
    this.#limit$.pipe(switchMap((current) => this.#schedule(current))).subscribe();
  }

  get limit(): number {
    return this.#limit$.value;
  }

  get active(): number {
    return this.#active;
  }

  get waiting(): number {
    return this.#waiting;
  }

  setLimit(limit: number): void {
    this.#limit$.next(limit);
    this.#offer();
    this.#changed();
  }

  /** Lets a place into the line; its turn may come before this returns. */
  enter(place: Place): void {
    this.#waiting++;
    place.wait(this.#line);
    this.#offer();
    this.#changed();
  }

  /**
   * A place leaves the line, or gives the slot to the next in line. Further calls do nothing.
   *
   * ```
   * limit 1   a: p--(r|)
   * b watches:   ^-!             cancelled while it waits
   * b hears:     w-
   *           c: w--p--(r|)
   * ```
   */
  leave(place: Place): void {
    const { state } = place;
    if (state === 'left') return;
    if (state === 'waiting') this.#waiting--;
    else if (state === 'held') {
      this.#active--;
      this.#occupied.remove(place);
    }
    const slot = place.leave();
    if (slot?.closed === false) this.#pass(slot);
    this.#changed();
  }

  #schedule(limit: number): Observable<never> {
    const held$ = defer(() => {
      this.#turnWaits = false;
      return from(this.#occupied.links());
    });
    const turns$ = new Observable<'turn'>((turns) => {
      this.#turns = turns;
    });
    return concat(held$, turns$).pipe(
      mergeMap(
        (next) => (next === 'turn' ? this.#turn() : next.occupancy()),
        limit === 0 ? Number.POSITIVE_INFINITY : limit,
      ),
    );
  }

  /** Offers turns to mergeMap as long as somebody waits and it takes them. */
  #offer(): void {
    if (this.#offering) return;
    this.#offering = true;
    try {
      while (this.#waiting > 0 && !this.#turnWaits) {
        this.#turnWaits = true;
        this.#turns?.next('turn');
      }
    } finally {
      this.#offering = false;
    }
  }

  /** A slot in use, from its first turn until nobody is in line when it becomes free. */
  #turn(): Observable<never> {
    return new Observable<never>((slot) => {
      this.#turnWaits = false;
      this.#serve(slot);
      this.#offer();
    });
  }

  /** A slot was left. Where more run than a lowered limit lets, mergeMap has one of them for it. */
  #pass(slot: Subscriber<never>): void {
    const { limit } = this;
    if (limit === 0 || this.#active < limit) this.#serve(slot);
    else slot.complete();
  }

  /**
   * Grants a free slot to the next in line who keeps it. Those who leave it again before their start
   * returns are passed in this loop, since one that left a slot it had already got would serve the
   * next from inside its own start.
   */
  #serve(slot: Subscriber<never>): void {
    for (let claim = this.#line.next(); claim !== undefined; claim = this.#line.next()) {
      const place = claim.holder;
      this.#waiting--;
      this.#active++;
      place.take();
      this.#occupied.push(place);
      place.start();
      // A start that changed the limit made another mergeMap, which has this occupancy and gives
      // the turns from now on.
      if (slot.closed) return;
      if (place.keep(slot)) return;
    }
    slot.complete();
  }
}
