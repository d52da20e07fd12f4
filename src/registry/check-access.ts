import { discard } from './answers.js';
import type { Endpoints } from './endpoints.js';
import type { RegistryRequest, Transport } from './transport.js';

/**
 * Asks whether a host speaks the distribution API and lets us in (distribution spec, end-1).
 *
 * @throws UnauthorizedError where it wants another credential, or one at all.
 */
export async function checkAccess(
  transport: Transport,
  endpoints: Endpoints,
  host: string,
  signal: AbortSignal,
): Promise<'authenticated' | 'open'> {
  const [endpoint] = await endpoints(host, 'pull');
  const request: RegistryRequest = {
    method: 'GET',
    endpoint,
    url: endpoint.base,
    scopes: [],
    concern: { host },
    signal,
  };
  const answer = await transport.send(request);
  if (answer.status !== 200) throw await transport.refusal(request, answer);
  await discard(answer);
  return transport.isChallenged(endpoint) ? 'authenticated' : 'open';
}
