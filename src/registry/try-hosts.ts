import { isDoNotRetry } from '../transfer/index.js';
import type { Endpoint } from './endpoints.js';
import {
  ClientClosedError,
  CredentialsError,
  HostsFailedError,
  InvalidClientOptionError,
  RegistryError,
} from './errors.js';
import type { Concern } from './failures.js';
import type { HostHealth } from './host-health.js';

/**
 * Asks one host after the other until one can do it, and tells `health` how they fared.
 *
 * @param endpoints in order, never empty.
 * @throws the error of the only host, or a HostsFailedError that lists them; what is no host's
 *   fault, such as an abort, at once.
 */
export async function tryHosts<T>(
  endpoints: readonly Endpoint[],
  health: HostHealth,
  concern: Concern,
  attempt: (endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  const failures: RegistryError[] = [];
  for (const [index, endpoint] of endpoints.entries()) {
    try {
      const result = await attempt(endpoint);
      health.answered(endpoint);
      return result;
    } catch (error) {
      if (!isHostFailure(error)) throw error;
      health.failed(endpoint, error, endpoints[index + 1]);
      failures.push(error);
    }
  }
  throw hostsError(failures, concern);
}

/** Tells whether an error is a host's fault, so that another host may do better. */
export function isHostFailure(error: unknown): error is RegistryError {
  return (
    error instanceof RegistryError &&
    !(error instanceof ClientClosedError) &&
    !(error instanceof CredentialsError) &&
    !(error instanceof InvalidClientOptionError)
  );
}

/** Tells whether what was asked for isn't there, by the host that has the last word. */
export function isMissing(error: unknown): error is RegistryError {
  return error instanceof RegistryError && error.status === 404;
}

/** The error that the failures of all hosts, in the order in which they were asked, come to. */
export function hostsError(failures: readonly RegistryError[], concern: Concern): RegistryError {
  const last = failures.at(-1);
  if (last === undefined) throw new Error('no host was asked');
  if (failures.length === 1) return last;
  return new HostsFailedError(failures, decisive(failures, last), concern);
}

/**
 * The failure that decides about another attempt. The registry itself, which is asked last, has
 * the last word when it has answered; else any hope that there is.
 */
function decisive(failures: readonly RegistryError[], last: RegistryError): RegistryError {
  if (last.status !== undefined) return last;
  return failures.findLast((error) => !isDoNotRetry(error)) ?? last;
}
