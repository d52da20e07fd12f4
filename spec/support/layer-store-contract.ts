import type { Store } from '../../src/layer/index.js';
import { storeContract } from '../../src/testing/index.js';

/** Runs the contract that every store passes against one kind of store. */
export function describeStoreContract(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    it.each(storeContract)('$title', ({ run }) => run(open));
  });
}
