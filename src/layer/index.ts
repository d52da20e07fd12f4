export * from './apply-layer.js';
export * from './disk-store.js';
export { maxDocumentSize } from './documents.js';
export * from './errors.js';
export * from './memory-store.js';
export * from './store.js';
export { storeError } from './system-errors.js';
