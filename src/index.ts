/**
 * rxfer moves container image layers between registries and a local layer store, as RxJS
 * Observables.
 *
 * @module rxfer
 */
export * from './transfer/index.js';
export * from './oci/index.js';
export * from './layer/index.js';
export * from './registry/index.js';
export * from './distribution/index.js';
export * from './image/index.js';
