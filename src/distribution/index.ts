export * from './descriptors.js';
export * from './events.js';
