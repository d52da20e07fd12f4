import { PriorityHeap, type Prioritized } from './priority-heap.js';
import { Link, Ring } from './ring.js';

/**
 * Somebody's wish that `holder` gets a slot, with its place in line while it waits there. The
 * watchers of a transfer who ask for the same priority and group share one claim.
 */
export abstract class Claim<H> extends Link {
  abstract readonly holder: H;
  /** How many ask for it. */
  watchers = 0;
  /** Where it stands, while it stands in line. */
  queue: Queue<H> | undefined;

  constructor(
    readonly priority: number,
    readonly group: unknown,
  ) {
    super();
  }
}

/** A claim beside its holder. */
export class ClaimFor<H> extends Claim<H> {
  constructor(
    readonly holder: H,
    priority: number,
    group: unknown,
  ) {
    super(priority, group);
  }
}

/**
 * The order in which claims get their turn: the highest priority first; inside a priority, the
 * groups take turns; inside a group, first come, first served. Claims without a group form one,
 * so that a line without priorities and groups is first come, first served throughout.
 *
 * ```
 * enter:             a1 a2 a3 b1 h b2        a and b: groups, h: a higher priority
 * next:              h a1 b1 a2 b2 a3
 * ```
 *
 * A group that comes, or comes back, stands behind those that already take turns. Entering and
 * leaving cost O(1) where the priority has others in line, else O(log priorities).
 */
export class Line<H> {
  readonly #tiers = new Map<number, Tier<H>>();
  readonly #byPriority = new PriorityHeap<Tier<H>>();

  enter(claim: Claim<H>): void {
    let tier = this.#tiers.get(claim.priority);
    if (tier === undefined) {
      tier = new Tier(claim.priority);
      this.#tiers.set(claim.priority, tier);
      this.#byPriority.push(tier);
    }
    claim.queue = tier.queueOf(claim.group);
    claim.queue.claims.push(claim);
  }

  /** Takes a claim out that stands in this line. */
  leave(claim: Claim<H>): void {
    const { queue } = claim;
    if (queue === undefined) return;
    claim.queue = undefined;
    queue.claims.remove(claim);
    if (queue.claims.first !== undefined) return;
    const { tier } = queue;
    tier.remove(queue);
    if (tier.turns.first !== undefined) return;
    this.#tiers.delete(tier.priority);
    this.#byPriority.remove(tier);
  }

  /** Whose turn it is: takes the claim out and passes the turn to the next group. */
  next(): Claim<H> | undefined {
    const turns = this.#byPriority.first?.turns;
    const claim = turns?.first?.claims.first;
    if (turns === undefined || claim === undefined) return undefined;
    turns.turn();
    this.leave(claim);
    return claim;
  }
}

/** The claims of one priority. */
class Tier<H> implements Prioritized {
  index = 0;
  readonly turns = new Ring<Queue<H>>();
  readonly #queues = new Map<unknown, Queue<H>>();

  constructor(readonly priority: number) {}

  queueOf(group: unknown): Queue<H> {
    let queue = this.#queues.get(group);
    if (queue === undefined) {
      queue = new Queue(this, group);
      this.#queues.set(group, queue);
      this.turns.push(queue);
    }
    return queue;
  }

  remove(queue: Queue<H>): void {
    this.#queues.delete(queue.group);
    this.turns.remove(queue);
  }
}

/** The claims of one group in one priority. */
class Queue<H> extends Link {
  readonly claims = new Ring<Claim<H>>();

  constructor(
    readonly tier: Tier<H>,
    readonly group: unknown,
  ) {
    super();
  }
}
