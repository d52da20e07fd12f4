import {
  BehaviorSubject,
  concat,
  defer,
  from,
  map,
  mergeMap,
  EMPTY,
  Subject,
  switchMap,
  type Observable,
} from 'rxjs';

/** A transfer's claim to a slot: first in line, then holding one, then done with it. */
export interface Place {
  /** Leaves the line, or gives the slot to the next in line. Further calls do nothing. */
  leave(): void;
}

interface Occupancy extends Place {
  /** Called when the slot is granted. */
  readonly start: () => void;
  /** Completes when the place was left; hot, so that a switch of the limit doesn't release it. */
  readonly left$: Subject<never>;
}

/**
 * Hands out a limited number of slots, first come, first served.
 *
 * What `mergeMap(…, limit)` runs is the occupancy of a slot. It is fed with *turns* rather than
 * with the waiting themselves: a turn goes to whoever is first in line when it comes, and at most
 * one waits in mergeMap's buffer. So the line is a Set that anybody leaves in O(1), and the buffer,
 * an array that mergeMap shifts, stays short whatever waits.
 *
 * ```
 * limit 2    a: --[=====]
 *            b: --[========]
 *            c: ---w....[=====]      w: in line   [: start   ]: left
 *            d: ----w......[====]
 * ```
 *
 * A new limit switches to a new mergeMap, which gets the still-held occupancies ahead of turns:
 * raised, the next in line start at once; lowered, nothing starts until fewer than the limit run.
 */
export class Slots {
  readonly #line = new Set<Occupancy>();
  readonly #occupied = new Set<Occupancy>();
  readonly #turns$ = new Subject<void>();
  readonly #limit$: BehaviorSubject<number>;
  readonly #changes$ = new Subject<void>();
  /** A turn waits in mergeMap's buffer for a slot. */
  #turnWaits = false;
  #offering = false;
  /** Which mergeMap is at work: one more with each switch of the limit. */
  #generation = 0;

  /** @param limit how many hold a slot at a time; 0: any number. */
  constructor(limit: number) {
    this.#limit$ = new BehaviorSubject(limit);
    // The kernel's one subscription of its own: it holds no timer and nothing outside this
    // object, so it lives and is collected with it.
    this.#limit$.pipe(switchMap((current) => this.#schedule(current))).subscribe();
  }

  /** Emits after each change of what the three numbers below say. */
  readonly changes$ = this.#changes$.asObservable();

  get limit(): number {
    return this.#limit$.value;
  }

  get active(): number {
    return this.#occupied.size;
  }

  get waiting(): number {
    return this.#line.size;
  }

  setLimit(limit: number): void {
    this.#limit$.next(limit);
    this.#offer();
    this.#changed();
  }

  /** Joins the line; `start` is called when the slot is there, possibly before this returns. */
  enter(start: () => void): Place {
    const left$ = new Subject<never>();
    const occupancy: Occupancy = { start, left$, leave: () => this.#leave(occupancy) };
    this.#line.add(occupancy);
    this.#offer();
    this.#changed();
    return occupancy;
  }

  #schedule(limit: number): Observable<never> {
    const generation = ++this.#generation;
    const held$ = defer(() => {
      this.#turnWaits = false;
      return from([...this.#occupied]).pipe(
        map(
          ({ left$ }) =>
            (): Observable<never> =>
              left$,
        ),
      );
    });
    const turns$ = this.#turns$.pipe(map(() => () => this.#takeTurn(generation)));
    return concat(held$, turns$).pipe(
      mergeMap((occupy) => occupy(), limit === 0 ? Number.POSITIVE_INFINITY : limit),
    );
  }

  /** Offers turns to mergeMap as long as somebody waits and it takes them. */
  #offer(): void {
    if (this.#offering) return;
    this.#offering = true;
    try {
      while (this.#line.size > 0 && !this.#turnWaits) {
        this.#turnWaits = true;
        this.#turns$.next();
      }
    } finally {
      this.#offering = false;
    }
  }

  /**
   * Grants the slot to the first in line who keeps it. Those who leave it again before `start`
   * returns are passed in this loop, since mergeMap would take each in a call of its own, one
   * inside the other.
   */
  #takeTurn(generation: number): Observable<never> {
    this.#turnWaits = false;
    for (const occupancy of this.#line) {
      this.#line.delete(occupancy);
      this.#occupied.add(occupancy);
      occupancy.start();
      // After a `start` that changed the limit, it is the next mergeMap that gives turns.
      if (this.#occupied.has(occupancy) || generation !== this.#generation) {
        this.#offer();
        return occupancy.left$;
      }
    }
    return EMPTY;
  }

  #leave(occupancy: Occupancy): void {
    const waited = this.#line.delete(occupancy);
    if (!waited && !this.#occupied.delete(occupancy)) return;
    occupancy.left$.complete();
    this.#changed();
  }

  #changed(): void {
    if (this.#changes$.observed) this.#changes$.next();
  }
}
