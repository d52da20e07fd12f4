import type { Reference } from '../oci/index.js';
import { discard, headerOf } from './answers.js';
import type { FetchedManifest } from './client.js';
import type { HttpAnswer } from './connections.js';
import { addressOf, type Endpoint } from './endpoints.js';
import { ManifestDigestError } from './errors.js';
import { concernOf } from './fetch-manifest.js';
import { pushScope } from './scopes.js';
import type { RegistryRequest, Transport } from './transport.js';

/** Where a manifest is written, and on which condition. */
export interface ManifestWrite {
  readonly endpoint: Endpoint;
  readonly reference: Reference;
  readonly signal: AbortSignal;
  /** The ETag of what must still be there by that name (RFC 9110, If-Match). */
  readonly replaces?: string | undefined;
}

/**
 * end-7. Resolves with the answer, its body read.
 *
 * @throws ManifestDigestError where the registry has stored something else.
 */
export async function writeManifest(
  transport: Transport,
  { descriptor: { mediaType, digest }, bytes }: FetchedManifest,
  { endpoint, reference, signal, replaces }: ManifestWrite,
): Promise<HttpAnswer> {
  const request: RegistryRequest = {
    method: 'PUT',
    endpoint,
    url: addressOf(endpoint, reference, `manifests/${reference.tag ?? digest}`),
    headers: {
      'content-type': mediaType,
      ...(replaces === undefined ? {} : { 'if-match': replaces }),
    },
    scopes: [pushScope(reference)],
    concern: concernOf(reference),
    open: () => Promise.resolve(bytes),
    signal,
  };
  const answer = await transport.send(request);
  if (answer.status !== 201) throw await transport.refusal(request, answer);
  await discard(answer);
  const stored = headerOf(answer, 'docker-content-digest');
  if (stored !== undefined && stored !== digest) {
    throw new ManifestDigestError(digest, stored, concernOf(reference));
  }
  return answer;
}
