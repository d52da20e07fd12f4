import type { Readable } from 'node:stream';
import {
  isIndexType,
  isManifestType,
  type Descriptor,
  type Digest,
  type Reference,
  type Repository,
} from '../oci/index.js';
import { discard, headerOf } from './answers.js';
import type { FetchedManifest, UploadOptions } from './client.js';
import type { HttpAnswer } from './connections.js';
import { addressOf, type Endpoints } from './endpoints.js';
import { ForbiddenError, UnauthorizedError } from './errors.js';
import { referrerOf, type ReferrersTags } from './referrers-tags.js';
import { pullScope, pushScope } from './scopes.js';
import type { RegistryRequest, Transport } from './transport.js';
import { BlobUpload, uploadOf, type UploadHabits } from './upload-blob.js';
import { writeManifest } from './write-manifest.js';

const uploads = 'blobs/uploads/';

/** Writes blobs and manifests (distribution spec, Push). */
export class ContentPusher {
  readonly #transport: Transport;
  readonly #endpoints: Endpoints;
  readonly #chunkSize: number;
  readonly #referrers: ReferrersTags;
  readonly #habits = new Map<string, UploadHabits>();

  /** @param chunkSize bytes of a chunk; 0: blobs in one piece. */
  constructor(
    transport: Transport,
    endpoints: Endpoints,
    referrers: ReferrersTags,
    chunkSize: number,
  ) {
    this.#transport = transport;
    this.#endpoints = endpoints;
    this.#chunkSize = chunkSize;
    this.#referrers = referrers;
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
    if (answer.status === 404 || isNoWord(request, answer)) {
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
    { signal, session }: Omit<UploadOptions, 'onProgress'>,
  ): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from });
    const what = `blobs/uploads/?${query.toString()}`;
    const request: RegistryRequest = {
      ...(await this.#request('POST', repository, what, digest, signal)),
      scopes: [pushScope(repository), pullScope({ path: from })],
    };
    const answer = await this.#transport.send(request).catch(refusedMount);
    if (answer === undefined) return false;
    await discard(answer);
    if (answer.status === 201) return true;
    if (answer.status !== 202) return false;
    // The registry has opened an upload in place of the mount.
    const upload = uploadOf(request, answer);
    if (session !== undefined && session.upload === undefined) session.upload = upload;
    else await this.#cancel(request, upload.location);
    return false;
  }

  async upload(
    repository: Repository,
    blob: Descriptor,
    open: (offset: number) => Promise<Readable>,
    options: UploadOptions,
  ): Promise<'uploaded' | 'mounted'> {
    const { digest } = blob;
    const begin = await this.#request('POST', repository, uploads, digest, options.signal);
    const { origin } = begin.endpoint.base;
    const habits = this.#habits.get(origin) ?? { wholeOnly: false, plainBegin: false };
    this.#habits.set(origin, habits);
    const context = { transport: this.#transport, begin, habits, chunkSize: this.#chunkSize };
    return new BlobUpload(context, blob, open, options).run();
  }

  async putManifest(
    reference: Reference,
    manifest: FetchedManifest,
    signal: AbortSignal,
  ): Promise<void> {
    const [endpoint] = await this.#endpoints(reference.host, 'push');
    const answer = await writeManifest(this.#transport, manifest, { endpoint, reference, signal });
    // Where the registry has listed it, it says so (Pushing Manifests with Subject).
    const referrer = referrerOf(manifest);
    if (referrer === undefined || headerOf(answer, 'oci-subject') !== undefined) return;
    await this.#referrers.add({ endpoint, repository: reference, signal }, referrer);
  }

  async #cancel(request: RegistryRequest, url: URL): Promise<void> {
    await discard(await this.#transport.send({ ...request, method: 'DELETE', url }));
  }

  async #request(
    method: RegistryRequest['method'],
    repository: Repository,
    what: string,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<RegistryRequest> {
    const [endpoint] = await this.#endpoints(repository.host, 'push');
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

/**
 * Tells whether an answer to HEAD says nothing of the blob: the method isn't known, or it led to a
 * host for which we have an address that is signed for GET alone.
 */
function isNoWord({ endpoint }: RegistryRequest, { status, url }: HttpAnswer): boolean {
  return [405, 501].includes(status) || (status === 403 && url.origin !== endpoint.base.origin);
}

/** A mount from a repository that we may not read, or not by this registry, is no failure. */
function refusedMount(error: unknown): undefined {
  if (error instanceof UnauthorizedError || error instanceof ForbiddenError) return undefined;
  throw error;
}
