import { Transform, type Readable, type TransformCallback } from 'node:stream';
import {
  isIndexType,
  isManifestType,
  type Descriptor,
  type Digest,
  type Repository,
} from '../oci/index.js';
import { discard, headerOf } from './answers.js';
import type { FetchedManifest, UploadOptions } from './client.js';
import type { HttpAnswer } from './connections.js';
import { addressOf, type Endpoints } from './endpoints.js';
import { ManifestDigestError, UnexpectedResponseError } from './errors.js';
import { concernOf } from './fetch-manifest.js';
import { pullScope, pushScope } from './scopes.js';
import { allowedAddress, type RegistryRequest, type Transport } from './transport.js';
import type { Reference } from '../oci/index.js';

/** Writes blobs and manifests (distribution spec, Push). */
export class ContentPusher {
  readonly #transport: Transport;
  readonly #endpoints: Endpoints;

  constructor(transport: Transport, endpoints: Endpoints) {
    this.#transport = transport;
    this.#endpoints = endpoints;
  }

  async has(
    repository: Repository,
    { mediaType, digest }: Descriptor,
    signal: AbortSignal,
  ): Promise<boolean> {
    const isDocument = isIndexType(mediaType) || isManifestType(mediaType);
    const what = `${isDocument ? 'manifests' : 'blobs'}/${digest}`;
    const base = await this.#request('HEAD', repository, what, digest, signal);
    const request = isDocument ? { ...base, headers: { accept: mediaType } } : base;
    const answer = await this.#transport.send(request);
    if (answer.status === 404) {
      await discard(answer);
      return false;
    }
    if (answer.status !== 200) throw await this.#transport.refusal(request, answer);
    await discard(answer);
    return true;
  }

  async mount(
    repository: Repository,
    digest: Digest,
    from: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from });
    const what = `blobs/uploads/?${query.toString()}`;
    const request: RegistryRequest = {
      ...(await this.#request('POST', repository, what, digest, signal)),
      scopes: [pushScope(repository), pullScope({ path: from })],
    };
    const answer = await this.#transport.send(request);
    await discard(answer);
    if (answer.status === 201) return true;
    // The registry has opened an upload in place of the mount, which nobody will use.
    if (answer.status === 202) await this.#cancel(request, answer);
    return false;
  }

  async upload(
    repository: Repository,
    blob: Descriptor,
    open: (offset: number) => Promise<Readable>,
    { signal, onProgress }: UploadOptions,
  ): Promise<void> {
    const begin = await this.#request('POST', repository, 'blobs/uploads/', blob.digest, signal);
    const session = await this.#transport.send(begin);
    if (session.status !== 202) throw await this.#transport.refusal(begin, session);
    await discard(session);
    const url = locationOf(begin, session);
    url.searchParams.set('digest', blob.digest);
    const put: RegistryRequest = {
      ...begin,
      method: 'PUT',
      url,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(blob.size),
      },
      open: async () => countBytes(await open(0), onProgress),
    };
    const answer = await this.#transport.send(put);
    if (answer.status !== 201) throw await this.#transport.refusal(put, answer);
    await discard(answer);
  }

  async putManifest(
    reference: Reference,
    { descriptor, bytes }: FetchedManifest,
    signal: AbortSignal,
  ): Promise<void> {
    const { mediaType, digest } = descriptor;
    const what = `manifests/${reference.tag ?? digest}`;
    const request: RegistryRequest = {
      ...(await this.#request('PUT', reference, what, digest, signal)),
      concern: concernOf(reference),
      headers: { 'content-type': mediaType },
      open: () => Promise.resolve(bytes),
    };
    const answer = await this.#transport.send(request);
    if (answer.status !== 201) throw await this.#transport.refusal(request, answer);
    await discard(answer);
    const stored = headerOf(answer, 'docker-content-digest');
    if (stored !== undefined && stored !== digest) {
      throw new ManifestDigestError(digest, stored, concernOf(reference));
    }
  }

  async #cancel(request: RegistryRequest, answer: HttpAnswer): Promise<void> {
    const url = locationOf(request, answer);
    await discard(await this.#transport.send({ ...request, method: 'DELETE', url }));
  }

  async #request(
    method: RegistryRequest['method'],
    repository: Repository,
    what: string,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<RegistryRequest> {
    const [endpoint] = await this.#endpoints(repository.host);
    return {
      method,
      endpoint,
      url: addressOf(endpoint, repository, what),
      scopes: [pushScope(repository)],
      concern: { host: repository.host, digest },
      signal,
    };
  }
}

function locationOf({ concern }: RegistryRequest, answer: HttpAnswer): URL {
  const location = headerOf(answer, 'location');
  if (location !== undefined) return allowedAddress(answer.url, location, concern);
  const message = `${answer.url.host} opened an upload without saying where`;
  throw new UnexpectedResponseError(message, { ...concern, status: answer.status });
}

/** The bytes as they are handed to the socket, counted. */
function countBytes(bytes: Readable, onProgress: ((sent: number) => void) | undefined): Readable {
  let sent = 0;
  const counting = new Transform({
    highWaterMark: 256 * 1024,
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      sent += chunk.length;
      onProgress?.(sent);
      done(null, chunk);
    },
  });
  bytes.on('error', (error) => counting.destroy(error));
  counting.on('close', () => bytes.destroy());
  return bytes.pipe(counting);
}
