import { openDiskStore, type DiskStore } from '../layer/index.js';
import { openLogger } from './logging.js';
import type { StoreOptions } from './options.js';

/** The store that a command names. @throws StoreError */
export function openStore(options: StoreOptions): Promise<DiskStore> {
  return openDiskStore(options.store, { logger: openLogger(options) });
}
