import type { ChainID } from '../oci/index.js';
import type { Layer, LayerLease } from './store.js';

/** Counts the leases on layers within this process. */
export class HeldLayers {
  readonly #leases = new Map<ChainID, number>();

  /** A lease, which is released once however often its `release` is called. */
  lease(layer: Layer): LayerLease {
    const { chainID } = layer;
    this.#leases.set(chainID, this.count(chainID) + 1);
    let held = true;
    return {
      layer,
      release: () => {
        if (!held) return;
        held = false;
        const left = this.count(chainID) - 1;
        if (left === 0) this.#leases.delete(chainID);
        else this.#leases.set(chainID, left);
      },
    };
  }

  /** How many leases there are on a layer. */
  count(chainID: ChainID): number {
    return this.#leases.get(chainID) ?? 0;
  }
}
