export * from './blob-body.js';
export * from './chain-id.js';
export * from './descriptor.js';
export * from './digest.js';
export * from './manifest.js';
export * from './media-type.js';
export * from './platform.js';
export * from './reference.js';
