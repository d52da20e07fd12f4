import { imageCases } from './store-contract-images.js';
import { ingestCases } from './store-contract-ingest.js';
import { interruptionCases } from './store-contract-interruption.js';
import { keepCases } from './store-contract-keep.js';
import { layerCases } from './store-contract-layers.js';
import type { StoreCase } from './store-contract-support.js';

export type { StoreCase } from './store-contract-support.js';

/**
 * What every Store keeps, as cases that any test runner can run: those of rxfer pass them, and so
 * does a store of your own that can stand in for them. They use `node:assert` alone.
 *
 * @example
 * describe.each(storeContract)('my store', ({ title, run }) => {
 *   it(title, () => run(openMyStore));
 * });
 */
export const storeContract: readonly StoreCase[] = [
  ...ingestCases,
  ...interruptionCases,
  ...keepCases,
  ...layerCases,
  ...imageCases,
];
