import type { Repository } from '../oci/index.js';
import type { TlsSettings } from './tls.js';

/**
 * Which registries are spoken to in plain HTTP. Loopback hosts are by default, and a list adds
 * to them; every other host is spoken to in HTTPS alone. `never` is HTTPS for loopback as well.
 */
export type PlainHttp = 'loopback' | 'always' | 'never' | readonly string[];

/** One server that answers for a registry. */
export interface Endpoint {
  /** `name[:port]` by which its credentials are known. */
  readonly host: string;
  /** Where its API is, such as `https://registry-1.docker.io/v2/`. */
  readonly base: URL;
  /** How its connections are made secure. Default: what the client's options say of its host. */
  readonly tls?: TlsSettings;
  /** More headers for requests to this server alone; not seen by whoever it redirects to. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The servers that answer for a registry, in the order in which they are asked. Never empty. */
export type Endpoints = (registry: string) => Promise<readonly [Endpoint, ...Endpoint[]]>;

/** Each registry answers for itself, at the address that its name says. */
export function directEndpoints(plainHttp: PlainHttp): Endpoints {
  return (registry) => {
    const scheme = allowsPlainHttp(plainHttp, registry) ? 'http' : 'https';
    const address = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
    return Promise.resolve([{ host: registry, base: new URL(`${scheme}://${address}/v2/`) }]);
  };
}

/** Tells whether `host` (`name[:port]`) may be spoken to without encryption. */
export function allowsPlainHttp(plainHttp: PlainHttp, host: string): boolean {
  if (plainHttp === 'always') return true;
  if (plainHttp === 'never') return false;
  return isLoopback(host) || (plainHttp !== 'loopback' && plainHttp.includes(host));
}

/** Tells whether `host` (`name[:port]`) is this machine: localhost, 127.0.0.0/8 or [::1]. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host);
}

/** The address of something in a repository, such as `blobs/sha256:…`. */
export function addressOf(endpoint: Endpoint, repository: Repository, what: string): URL {
  return new URL(`${repository.path}/${what}`, endpoint.base);
}
