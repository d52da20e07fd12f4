export * from './events.js';
export * from './format.js';
export * from './json-lines.js';
export * from './plain-lines.js';
export * from './rates.js';
export * from './render-lines.js';
export * from './snapshot.js';
export * from './snapshots.js';
