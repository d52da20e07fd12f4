export * from './do-not-retry.js';
export * from './errors.js';
export * from './progress.js';
