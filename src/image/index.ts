export { savedReferences } from './docker-archive-source.js';
export * from './errors.js';
export * from './events.js';
export type { ListingOptions } from './listed.js';
export { parseLocation, type Location } from './location.js';
export * from './rxfer.js';
export type { ImageSource, ImageTarget } from './seams.js';
