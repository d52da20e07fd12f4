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

  /** By image, bytes of those of its layers that others of the images have too. */
  async shared(images: readonly (readonly ChainID[])[]): Promise<number[]> {
    const counts = new Map<ChainID, number>();
    for (const chainID of images.flatMap((each) => [...new Set(each)])) {
      counts.set(chainID, (counts.get(chainID) ?? 0) + 1);
    }
    const sums: number[] = [];
    for (const chainIDs of images) {
      const bytes = await this.of(chainIDs.filter((chainID) => (counts.get(chainID) ?? 0) > 1));
      sums.push(bytes.reduce((sum, each) => sum + each, 0));
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
