/**
 * The kernel: transfers by key that are shared, limited, watched, retried and cancelled. Knows
 * nothing of images, imports rxjs alone, and runs in browsers.
 *
 * @module rxfer/transfer
 */
export * from './do-not-retry.js';
export * from './errors.js';
export * from './events-of.js';
export * from './invalid-option.js';
export * from './job.js';
export * from './live-transfer.js';
export * from './logger.js';
export * from './observe-operations.js';
export * from './only-result.js';
export * from './progress.js';
export * from './result-of.js';
export * from './retry-after.js';
export * from './retry-transfer.js';
export * from './sample-progress.js';
export * from './transfer-manager.js';
export * from './transfer-on.js';
export * from './until-aborted.js';
export * from './watch-transfer.js';
export * from './when-started.js';
export * from './with-progress.js';
