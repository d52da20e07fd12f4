import { formatReference, type Digest, type Reference } from '../oci/index.js';
import { discard, headerOf } from './answers.js';
import type { HttpAnswer } from './connections.js';
import { AmbiguousDeleteError, DeleteRefusedError } from './content-errors.js';
import { addressOf, type Endpoint, type Endpoints } from './endpoints.js';
import type { RegistryError } from './errors.js';
import type { Concern } from './failures.js';
import { concernOf, manifestRequest } from './fetch-manifest.js';
import { deleteScope } from './scopes.js';
import type { RegistryRequest, Transport } from './transport.js';

/** Removes a tag, or a manifest with its tags, as Remover.delete describes it. */
export async function deleteContent(
  transport: Transport,
  endpoints: Endpoints,
  reference: Reference,
  signal: AbortSignal,
): Promise<void> {
  const { host, tag, digest } = reference;
  const concern = concernOf(reference);
  if (tag !== undefined && digest !== undefined) throw new AmbiguousDeleteError(concern);
  const [endpoint] = await endpoints(host, 'push');
  const request: RegistryRequest = {
    method: 'DELETE',
    endpoint,
    url: addressOf(endpoint, reference, `manifests/${digest ?? tag ?? 'latest'}`),
    scopes: [deleteScope(reference)],
    concern,
    signal,
  };
  const answer = await transport.send(request);
  // 202 is what the specification has; some say it is done already.
  if (answer.status >= 200 && answer.status < 300) return discard(answer);
  const error = await transport.refusal(request, answer);
  if (answer.status === 405) throw deletesNothing(concern, error);
  if (digest === undefined && [400, 404, 501].includes(answer.status)) {
    // By the tag alone, the registry may take it for no digest, or not look for it.
    const led = await leadsTo(transport, endpoint, reference, signal);
    if (led !== undefined) throw deletesNoTags(reference, led, error);
  }
  throw error;
}

/** The digest that a tag leads to; `undefined` where there is no such tag. */
async function leadsTo(
  transport: Transport,
  endpoint: Endpoint,
  reference: Reference,
  signal: AbortSignal,
): Promise<string | undefined> {
  const request = manifestRequest('HEAD', reference, endpoint, signal);
  const answer: HttpAnswer = await transport.send(request);
  await discard(answer);
  return answer.status === 200 ? headerOf(answer, 'docker-content-digest') : undefined;
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
