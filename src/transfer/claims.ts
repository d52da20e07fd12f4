import type { Claim } from './line.js';

/**
 * The claims of one holder, found by their priority and group at the same cost however many there
 * are: ten thousand pulls, each a group, may want one layer.
 */
export class Claims<H> {
  readonly #tiers = new Map<number, Map<unknown, Claim<H>>>();

  find(priority: number, group: unknown): Claim<H> | undefined {
    return this.#tiers.get(priority)?.get(group);
  }

  add(claim: Claim<H>): void {
    const tier = this.#tiers.get(claim.priority);
    if (tier === undefined) this.#tiers.set(claim.priority, new Map([[claim.group, claim]]));
    else tier.set(claim.group, claim);
  }

  remove(claim: Claim<H>): void {
    const tier = this.#tiers.get(claim.priority);
    tier?.delete(claim.group);
    if (tier?.size === 0) this.#tiers.delete(claim.priority);
  }

  /** All of them; those of one priority in the order in which they were added. */
  *all(): Iterable<Claim<H>> {
    for (const tier of this.#tiers.values()) yield* tier.values();
  }
}
