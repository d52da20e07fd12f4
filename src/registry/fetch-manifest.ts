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
import { abandon } from './abandon.js';
import { discard, headerOf, lengthOf, readAtMost } from './answers.js';
import type { FetchedManifest } from './client.js';
import type { HttpAnswer } from './connections.js';
import { addressOf, type Endpoint, type Endpoints } from './endpoints.js';
import {
  ManifestDigestError,
  ManifestTooLargeError,
  UnexpectedResponseError,
  UnsupportedManifestError,
} from './errors.js';
import type { Concern } from './failures.js';
import type { HostHealth } from './host-health.js';
import { pullScope } from './scopes.js';
import type { RegistryRequest, Transport } from './transport.js';
import { tryHosts } from './try-hosts.js';

/** Bytes that a manifest or index may have: what registries must accept at least. */
const manifestLimit = 4 * 1024 * 1024;
const accepted = [
  mediaTypes.ociIndex,
  mediaTypes.dockerManifestList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
].join(', ');

/** A manifest or index as one host has it. */
export interface ReadManifest {
  readonly manifest: FetchedManifest;
  /** A strong one, where the host has sent one. */
  readonly etag: string | undefined;
}

/** Gets manifests and indexes from whichever host has them (distribution spec, Pulling manifests). */
export class ManifestFetcher {
  readonly #transport: Transport;
  readonly #endpoints: Endpoints;
  readonly #health: HostHealth;

  constructor(transport: Transport, endpoints: Endpoints, health: HostHealth) {
    this.#transport = transport;
    this.#endpoints = endpoints;
    this.#health = health;
  }

  /** By HEAD where that tells all, else by GET. */
  resolve(reference: Reference, signal: AbortSignal): Promise<Descriptor> {
    return this.#tryHosts(reference, (endpoint) => this.#resolve(reference, endpoint, signal));
  }

  async fetch(reference: Reference, signal: AbortSignal): Promise<FetchedManifest> {
    const attempt = (endpoint: Endpoint): Promise<ReadManifest> =>
      this.fetchFrom(endpoint, reference, signal);
    return (await this.#tryHosts(reference, attempt)).manifest;
  }

  async #tryHosts<T>(
    reference: Reference,
    attempt: (endpoint: Endpoint) => Promise<T>,
  ): Promise<T> {
    // A digest verifies itself, whoever has it; what a tag stands for must be believed.
    const capability = reference.digest === undefined ? 'resolve' : 'pull';
    const endpoints = await this.#endpoints(reference.host, capability);
    const order = this.#health.order(endpoints);
    return tryHosts(order, this.#health, concernOf(reference), attempt);
  }

  async #resolve(
    reference: Reference,
    endpoint: Endpoint,
    signal: AbortSignal,
  ): Promise<Descriptor> {
    const request = manifestRequest('HEAD', reference, endpoint, signal);
    const answer = await this.#transport.send(request);
    await discard(answer);
    const mediaType = headerOf(answer, 'content-type')?.split(';')[0]?.trim() ?? '';
    const size = lengthOf(answer);
    const known = isIndexType(mediaType) || isManifestType(mediaType);
    const told = answer.status === 200 ? toldDigest(answer, request.concern) : undefined;
    if (!known || told === undefined || size === undefined || size > manifestLimit) {
      return (await this.fetchFrom(endpoint, reference, signal)).manifest.descriptor;
    }
    const digest = reference.digest ?? told;
    // Digests of two algorithms can't be compared without the bytes.
    if (digestAlgorithm(digest) !== digestAlgorithm(told)) {
      return (await this.fetchFrom(endpoint, reference, signal)).manifest.descriptor;
    }
    if (digest !== told) throw new ManifestDigestError(digest, told, request.concern);
    return { mediaType, digest, size };
  }

  /** From this host alone. */
  async fetchFrom(
    endpoint: Endpoint,
    reference: Reference,
    signal: AbortSignal,
  ): Promise<ReadManifest> {
    const request = manifestRequest('GET', reference, endpoint, signal);
    const answer = await this.#transport.send(request);
    if (answer.status !== 200) throw await this.#transport.refusal(request, answer);
    const { concern } = request;
    const coding = headerOf(answer, 'content-encoding') ?? 'identity';
    if (coding !== 'identity') {
      abandon(answer);
      throw codedError(answer, coding, concern);
    }
    const bytes = await readAtMost(answer, manifestLimit, concern, signal);
    if (bytes === undefined) throw new ManifestTooLargeError(manifestLimit, concern);
    const digest = verifiedDigest(reference, answer, bytes, concern);
    const stated = headerOf(answer, 'content-type')?.split(';')[0]?.trim();
    if (stated?.startsWith('application/vnd.docker.distribution.manifest.v1') === true) {
      throw new UnsupportedManifestError(stated, concern);
    }
    const mediaType = manifestMediaType(bytes, stated);
    const etag = headerOf(answer, 'etag');
    return {
      manifest: { descriptor: { mediaType, digest, size: bytes.length }, bytes },
      // A weak one doesn't tell bytes apart.
      etag: etag?.startsWith('"') === true ? etag : undefined,
    };
  }
}

function codedError(answer: HttpAnswer, coding: string, concern: Concern): UnexpectedResponseError {
  const shown = /^[\w-]{1,20}$/.test(coding) ? coding : 'something';
  const message = `${answer.url.host} sends the manifest coded as ${shown}, which was not asked for`;
  return new UnexpectedResponseError(message, { ...concern, status: answer.status });
}

/** What the errors about a reference name. */
export function concernOf(reference: Reference): { host: string; reference: string } {
  return { host: reference.host, reference: formatReference(reference) };
}

/** The request for the manifest that a reference names, or for what describes it. */
export function manifestRequest(
  method: 'GET' | 'HEAD',
  reference: Reference,
  endpoint: Endpoint,
  signal: AbortSignal,
): RegistryRequest {
  const name = reference.digest ?? reference.tag ?? 'latest';
  return {
    method,
    endpoint,
    url: addressOf(endpoint, reference, `manifests/${name}`),
    // What is verified are the bytes as they come.
    headers: { accept: accepted, 'accept-encoding': 'identity' },
    scopes: [pullScope(reference)],
    concern: { ...concernOf(reference), host: endpoint.host },
    signal,
  };
}

/** The digest by which the manifest was asked for, or the registry's; each must be the bytes' own. */
function verifiedDigest(
  reference: Reference,
  answer: HttpAnswer,
  bytes: Uint8Array,
  concern: Concern,
): Digest {
  const told = toldDigest(answer, concern);
  for (const expected of [reference.digest, told]) {
    if (expected === undefined) continue;
    const actual = digestOf(bytes, digestAlgorithm(expected));
    if (actual !== expected) throw new ManifestDigestError(expected, actual, concern);
  }
  return reference.digest ?? told ?? digestOf(bytes);
}

/**
 * What `Docker-Content-Digest` says, if anything.
 *
 * @throws UnexpectedResponseError where it is no digest that can be checked.
 */
function toldDigest(answer: HttpAnswer, concern: Concern): Digest | undefined {
  const told = headerOf(answer, 'docker-content-digest');
  if (told === undefined || isDigest(told)) return told;
  const message = `${answer.url.host} states a digest that is neither sha256 nor sha512`;
  throw new UnexpectedResponseError(message, { ...concern, status: answer.status });
}
