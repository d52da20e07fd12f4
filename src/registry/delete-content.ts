import { formatReference, type Digest, type Reference } from '../oci/index.js';
import { RxferError } from '../transfer/index.js';
import { discard, headerOf } from './answers.js';
import type { HttpAnswer } from './connections.js';
import { AmbiguousDeleteError, DeleteRefusedError } from './content-errors.js';
import { addressOf, type Endpoint, type Endpoints } from './endpoints.js';
import { NotFoundError, type RegistryError } from './errors.js';
import type { Concern } from './failures.js';
import { concernOf, manifestRequest, type ManifestFetcher } from './fetch-manifest.js';
import {
  referrerOf,
  type ListPlace,
  type ReferrerEntry,
  type ReferrersTags,
} from './referrers-tags.js';
import { deleteScope, pullScope } from './scopes.js';
import type { RegistryRequest, Transport } from './transport.js';

/** What lists of referrers are kept with. */
interface ReferrerKeeping {
  readonly manifests: ManifestFetcher;
  readonly referrers: ReferrersTags;
}

/** Removes tags and manifests, as Remover describes it. */
export class ContentRemover {
  readonly #transport: Transport;
  readonly #endpoints: Endpoints;
  readonly #keeping: ReferrerKeeping;

  constructor(transport: Transport, endpoints: Endpoints, keeping: ReferrerKeeping) {
    this.#transport = transport;
    this.#endpoints = endpoints;
    this.#keeping = keeping;
  }

  async delete(reference: Reference, signal: AbortSignal): Promise<void> {
    const { host, tag, digest } = reference;
    if (tag !== undefined && digest !== undefined) {
      throw new AmbiguousDeleteError(concernOf(reference));
    }
    const [endpoint] = await this.#endpoints(host, 'push');
    const referrer =
      digest === undefined ? undefined : await this.#referrer(endpoint, reference, signal);
    const place = { endpoint, repository: reference, signal };
    // Asked first: a deletion that is done can't be told as failed, and isn't done twice.
    const isUnlisted = referrer !== undefined && !(await this.#isListed(place, referrer.subject));
    await this.#remove(endpoint, reference, signal);
    if (isUnlisted) await this.#keeping.referrers.remove(place, referrer);
  }

  /** What the manifest is on a list of, which nobody can tell any more once it is gone. */
  async #referrer(
    endpoint: Endpoint,
    reference: Reference,
    signal: AbortSignal,
  ): Promise<ReferrerEntry | undefined> {
    try {
      const found = await this.#keeping.manifests.fetchFrom(endpoint, reference, signal);
      return referrerOf(found.manifest);
    } catch (error) {
      signal.throwIfAborted();
      // What can't be read can be deleted all the same, or its deletion says what is wrong.
      if (error instanceof RxferError) return undefined;
      throw error;
    }
  }

  /** Whether the registry has lists of its own (end-12). */
  async #isListed({ endpoint, repository, signal }: ListPlace, subject: Digest): Promise<boolean> {
    const request: RegistryRequest = {
      method: 'GET',
      endpoint,
      url: addressOf(endpoint, repository, `referrers/${subject}`),
      scopes: [pullScope(repository)],
      concern: { host: endpoint.host, digest: subject },
      signal,
    };
    const answer = await this.#transport.send(request);
    if (answer.status !== 200 && answer.status !== 404) {
      throw await this.#transport.refusal(request, answer);
    }
    await discard(answer);
    return answer.status === 200;
  }

  async #remove(endpoint: Endpoint, reference: Reference, signal: AbortSignal): Promise<void> {
    const { tag, digest } = reference;
    const concern = concernOf(reference);
    const request: RegistryRequest = {
      method: 'DELETE',
      endpoint,
      url: addressOf(endpoint, reference, `manifests/${digest ?? tag ?? 'latest'}`),
      scopes: [deleteScope(reference)],
      concern,
      signal,
    };
    const answer = await this.#transport.send(request);
    // 202 is what the specification has; some say it is done already.
    if (answer.status >= 200 && answer.status < 300) return discard(answer);
    const error = await this.#transport.refusal(request, answer);
    if (answer.status === 405) throw deletesNothing(concern, error);
    if (digest === undefined && [400, 404, 501].includes(answer.status)) {
      // By the tag alone, the registry may take it for no digest, or not look for it.
      const head = await askWhere(this.#transport, endpoint, reference, signal);
      const led = headerOf(head, 'docker-content-digest');
      if (head.status === 200 && led !== undefined) throw deletesNoTags(reference, led, error);
      if (head.status === 404 && answer.status !== 404) throw noSuchTag(concern, error);
    }
    throw error;
  }
}

/** The head of what a tag leads to. */
async function askWhere(
  transport: Transport,
  endpoint: Endpoint,
  reference: Reference,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const request = manifestRequest('HEAD', reference, endpoint, signal);
  const answer = await transport.send(request);
  await discard(answer);
  return answer;
}

function noSuchTag(concern: Concern, cause: RegistryError): NotFoundError {
  const message = `${concern.host ?? 'The registry'} has no ${concern.reference ?? 'such tag'}`;
  return new NotFoundError(message, { ...concern, status: 404, cause });
}

function deletesNothing(concern: Concern, cause: RegistryError): DeleteRefusedError {
  const hint =
    'Some delete by digest alone; docker-registry does once REGISTRY_STORAGE_DELETE_ENABLED=true is set where it runs.';
  return new DeleteRefusedError('everything', { ...concern, hint, status: 405, cause });
}

function deletesNoTags(
  { host, path, tag }: Reference,
  digest: string,
  cause: RegistryError,
): DeleteRefusedError {
  const name = formatReference({ host, path, digest: digest as Digest });
  const hint = `Delete what it leads to, with all tags that do so: ${name}`;
  const concern = concernOf({ host, path, tag: tag ?? 'latest' });
  return new DeleteRefusedError('tags', { ...concern, hint, status: cause.status ?? 400, cause });
}
