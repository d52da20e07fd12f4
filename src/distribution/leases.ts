import type { LayerLease } from '../layer/index.js';

/** The leases that one download holds, given up all at once. */
export class Leases {
  readonly #held: LayerLease[] = [];
  #released = false;

  /** Takes charge of a lease; one that comes too late is given up at once. */
  add(lease: LayerLease): void {
    if (this.#released) lease.release();
    else this.#held.push(lease);
  }

  /** Gives up all of them; further calls do nothing. */
  release(): void {
    this.#released = true;
    for (const lease of this.#held.splice(0)) lease.release();
  }
}
