/**
 * The part of the Docker Engine API that is about images, for Docker's own clients and libraries.
 *
 * @module rxfer/engine
 */
export type { EngineStore } from './change-images.js';
export * from './engine.js';
export * from './errors.js';
export type { Reach } from './listen.js';
export type { OperationKind } from './news.js';
export type { Connect } from './registry-clients.js';
