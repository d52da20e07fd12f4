export * from './descriptors.js';
export * from './errors.js';
export * from './events.js';
export { fromAbortable } from './from-abortable.js';
export * from './layer-download-manager.js';
export * from './layer-upload-manager.js';
export type { LayerManagerOptions } from './options.js';
export { skipBytes } from './skip-bytes.js';
