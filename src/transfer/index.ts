export * from './do-not-retry.js';
export * from './errors.js';
export * from './job.js';
export * from './progress.js';
export * from './retry-transfer.js';
export * from './sample-progress.js';
export * from './transfer-manager.js';
export * from './when-started.js';
