import { types } from 'node:util';
import { DoNotRetry } from '../transfer/index.js';
import { ConnectionError, type RegistryErrorOptions } from './errors.js';

/** What a proxy did, in place of leading to the host. */
export interface ProxyFault {
  /** What it answered; `undefined` where it couldn't be spoken to. */
  readonly status?: number | undefined;
  /** Whether it was shown credentials. */
  readonly access: 'anonymous' | 'authenticated';
  readonly cause?: unknown;
}

/**
 * The proxy on the way to a host can't be reached, refuses, or finds no way itself. `host` is the
 * proxy. Not retried where it refuses.
 */
export class ProxyError extends ConnectionError {
  override readonly name = 'ProxyError';

  /** @param target the host (`name[:port]`) that was to be reached through it. */
  constructor(
    proxy: string,
    target: string,
    fault: ProxyFault,
    options: Omit<RegistryErrorOptions, 'host' | 'cause' | 'hint'> = {},
  ) {
    const { problem, hint } = describe(proxy, target, fault);
    const { status = 500, cause } = fault;
    const final = status < 500 ? new DoNotRetry(cause ?? 'no retry can cure this') : cause;
    super(problem, { ...options, host: proxy, hint, cause: final }, 'ERR_PROXY');
  }
}

function describe(
  proxy: string,
  target: string,
  { status, access, cause }: ProxyFault,
): { readonly problem: string; readonly hint: string } {
  if (status === undefined) {
    // Not `instanceof`: the system's errors may come from another realm than ours.
    const why = types.isNativeError(cause) && 'code' in cause ? ` (${String(cause.code)})` : '';
    return {
      problem: `The proxy ${proxy} on the way to ${target} can't be reached${why}`,
      hint: 'Check its address in HTTPS_PROXY, HTTP_PROXY or hosts.toml; NO_PROXY names hosts that need none.',
    };
  }
  // Tinyproxy refuses with 401 whom it asks with 407.
  if (status === 407 || status === 401) {
    const what = access === 'anonymous' ? 'wants credentials' : 'refuses the credentials';
    return {
      problem: `The proxy ${proxy} ${what} on the way to ${target} (${status})`,
      hint: 'Put them into its address, http://USER:PASSWORD@HOST:PORT, with special characters as %40 and the like.',
    };
  }
  if (status < 500) {
    return {
      problem: `The proxy ${proxy} refuses to lead to ${target} (${status})`,
      hint: 'Have the host and port allowed on the proxy, or name the host in NO_PROXY.',
    };
  }
  return {
    problem: `The proxy ${proxy} can't reach ${target} (${status})`,
    hint: 'Check the spelling of the host, and that it runs; name it in NO_PROXY if it is on this network.',
  };
}
