/**
 * For users' specs: a registry in the process with faults to inject, sample images, marble diagrams of
 * transfers, and the contract that every store keeps.
 *
 * @module rxfer/testing
 */
export type { Fault, FaultMatch, FaultRule, InjectedFault } from './faults.js';
export type { RegistryAuth } from './registry-auth.js';
export type { RepositoryContent, StoredManifest } from './registry-content.js';
export type { RegistryFeature, RegistryTraits } from './registry-features.js';
export * from './registry.js';
export * from './sample-image.js';
export * from './store-contract.js';
export * from './transfer-marbles.js';
