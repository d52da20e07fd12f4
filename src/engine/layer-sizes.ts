import type { LayerStore } from '../layer/index.js';
import type { ChainID } from '../oci/index.js';

/** How large layers are when they are unpacked. What a chainID stands for never changes. */
export class LayerSizes {
  readonly #layers: LayerStore;
  readonly #known = new Map<ChainID, number>();

  constructor(layers: LayerStore) {
    this.#layers = layers;
  }

  /** Bytes of each of the layers; 0 for those that aren't there. */
  async of(chainIDs: readonly ChainID[]): Promise<number[]> {
    const sizes: number[] = [];
    for (const chainID of chainIDs) sizes.push(await this.#size(chainID));
    return sizes;
  }

  /** Bytes of all of the layers together. */
  async sum(chainIDs: readonly ChainID[]): Promise<number> {
    return (await this.of(chainIDs)).reduce((sum, bytes) => sum + bytes, 0);
  }

  /** By image, bytes of those of its layers that others of the images have too. */
  async shared(images: readonly (readonly ChainID[])[]): Promise<number[]> {
    const counts = new Map<ChainID, number>();
    for (const chainID of images.flatMap((each) => [...new Set(each)])) {
      counts.set(chainID, (counts.get(chainID) ?? 0) + 1);
    }
    const sums: number[] = [];
    for (const chainIDs of images) {
      sums.push(await this.sum(chainIDs.filter((chainID) => (counts.get(chainID) ?? 0) > 1)));
    }
    return sums;
  }

  async #size(chainID: ChainID): Promise<number> {
    const known = this.#known.get(chainID);
    if (known !== undefined) return known;
    const lease = await this.#layers.acquire(chainID);
    if (lease === undefined) return 0;
    lease.release();
    // Those of images that went long ago needn't be kept for ever.
    if (this.#known.size >= 10_000) this.#known.clear();
    this.#known.set(chainID, lease.layer.size);
    return lease.layer.size;
  }
}
