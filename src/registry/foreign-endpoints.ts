import type { Endpoint } from './endpoints.js';

/** Addresses of one blob that are asked. */
const maxAddresses = 16;

/**
 * The places outside the registry where a blob may be had (OCI image spec, descriptor.md, `urls`),
 * in their order; without those that can't be asked by HTTP, and without the user names in them.
 */
export function foreignEndpoints(urls: readonly string[]): Endpoint[] {
  return urls.slice(0, maxAddresses).flatMap((text): Endpoint[] => {
    const blob = URL.canParse(text) ? new URL(text) : undefined;
    if (blob === undefined || !/^https?:$/.test(blob.protocol)) return [];
    blob.username = '';
    blob.password = '';
    blob.hash = '';
    return [{ host: blob.host, base: new URL('/', blob), blob }];
  });
}
