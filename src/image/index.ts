export { savedReferences } from './docker-archive-source.js';
export * from './errors.js';
export * from './events.js';
export type { ListingOptions, ReferrersOptions } from './listed.js';
export type { ForeignLayers } from './foreign-layers.js';
export { parseLocation, type Location } from './location.js';
export type * from './move-options.js';
export * from './rxfer.js';
export type { ImageSource, ImageTarget } from './seams.js';
