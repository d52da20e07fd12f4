import {
  digestAlgorithm,
  digestOf,
  formatReference,
  isDigest,
  isIndexType,
  isManifestType,
  manifestMediaType,
  mediaTypes,
  type Descriptor,
  type Digest,
  type Reference,
} from '../oci/index.js';
import { discard, headerOf, lengthOf, readAtMost } from './answers.js';
import type { FetchedManifest } from './client.js';
import type { HttpAnswer } from './connections.js';
import { addressOf, type Endpoints } from './endpoints.js';
import { ManifestDigestError, ManifestTooLargeError, UnsupportedManifestError } from './errors.js';
import { pullScope } from './scopes.js';
import type { RegistryRequest, Transport } from './transport.js';

/** Bytes that a manifest or index may have: what registries must accept at least. */
const manifestLimit = 4 * 1024 * 1024;
const accepted = [
  mediaTypes.ociIndex,
  mediaTypes.dockerManifestList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
].join(', ');

/** Gets manifests and indexes (distribution spec, Pulling manifests). */
export class ManifestFetcher {
  readonly #transport: Transport;
  readonly #endpoints: Endpoints;

  constructor(transport: Transport, endpoints: Endpoints) {
    this.#transport = transport;
    this.#endpoints = endpoints;
  }

  /** By HEAD where that tells all, else by GET. */
  async resolve(reference: Reference, signal: AbortSignal): Promise<Descriptor> {
    const answer = await this.#transport.send(await this.#request('HEAD', reference, signal));
    await discard(answer);
    const mediaType = headerOf(answer, 'content-type')?.split(';')[0]?.trim() ?? '';
    const digest = headerOf(answer, 'docker-content-digest') ?? '';
    const size = lengthOf(answer);
    const known = isIndexType(mediaType) || isManifestType(mediaType);
    if (answer.status !== 200 || !known || !isDigest(digest) || size === undefined) {
      return (await this.fetch(reference, signal)).descriptor;
    }
    if (reference.digest !== undefined && digest !== reference.digest) {
      throw new ManifestDigestError(reference.digest, digest, concernOf(reference));
    }
    return { mediaType, digest, size };
  }

  async fetch(reference: Reference, signal: AbortSignal): Promise<FetchedManifest> {
    const request = await this.#request('GET', reference, signal);
    const answer = await this.#transport.send(request);
    if (answer.status !== 200) throw await this.#transport.refusal(request, answer);
    const { concern } = request;
    const bytes = await readAtMost(answer, manifestLimit, concern, signal);
    if (bytes === undefined) throw new ManifestTooLargeError(manifestLimit, concern);
    const digest = verifiedDigest(reference, answer, bytes);
    const stated = headerOf(answer, 'content-type')?.split(';')[0]?.trim();
    if (stated?.startsWith('application/vnd.docker.distribution.manifest.v1') === true) {
      throw new UnsupportedManifestError(stated, concern);
    }
    const mediaType = manifestMediaType(bytes, stated);
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  }

  async #request(
    method: 'GET' | 'HEAD',
    reference: Reference,
    signal: AbortSignal,
  ): Promise<RegistryRequest> {
    const [endpoint] = await this.#endpoints(reference.host);
    const name = reference.digest ?? reference.tag ?? 'latest';
    return {
      method,
      endpoint,
      url: addressOf(endpoint, reference, `manifests/${name}`),
      headers: { accept: accepted },
      scopes: [pullScope(reference)],
      concern: concernOf(reference),
      signal,
    };
  }
}

/** What the errors about a reference name. */
export function concernOf(reference: Reference): { host: string; reference: string } {
  return { host: reference.host, reference: formatReference(reference) };
}

function verifiedDigest(reference: Reference, answer: HttpAnswer, bytes: Uint8Array): Digest {
  const told = headerOf(answer, 'docker-content-digest');
  const expected = reference.digest ?? (told !== undefined && isDigest(told) ? told : undefined);
  if (expected === undefined) return digestOf(bytes);
  const actual = digestOf(bytes, digestAlgorithm(expected));
  if (actual !== expected) throw new ManifestDigestError(expected, actual, concernOf(reference));
  return expected;
}
