import type { Repository } from '../oci/index.js';
import type { TlsSettings } from './tls.js';

/**
 * Which registries are spoken to in plain HTTP. Loopback hosts are by default, and a list adds
 * to them; every other host is spoken to in HTTPS alone. `never` is HTTPS for loopback as well.
 */
export type PlainHttp = 'loopback' | 'always' | 'never' | readonly string[];

/** What hosts may be asked to do: give content, say what a tag stands for, take content. */
export const capabilities = ['pull', 'resolve', 'push'] as const;
export type Capability = (typeof capabilities)[number];

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
  /** What it may be asked to do. Default: everything. */
  readonly capabilities?: readonly Capability[];
  /** The registry that it stands for, where that isn't itself; told to it as `ns`. */
  readonly namespace?: string;
  /** How long a connection may take to be there, in ms. Default: what the client's options say. */
  readonly connectTimeout?: number;
  /** The proxy that leads to it. Default: what the client's options say of its host. */
  readonly proxy?: URL;
  /** The address of one blob outside registries, which is all that there is: no credentials go there. */
  readonly blob?: URL;
}

/**
 * The servers that answer for a registry and may be asked to do something, in the order in which
 * they are asked. Never empty. Rejects with a HostsFileError or a NoHostError.
 */
export type Endpoints = (
  registry: string,
  capability: Capability,
) => Promise<readonly [Endpoint, ...Endpoint[]]>;

/** A registry at the address that its name says. */
export function directEndpoint(registry: string, plainHttp: PlainHttp): Endpoint {
  const scheme = allowsPlainHttp(plainHttp, registry) ? 'http' : 'https';
  const address = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  return { host: registry, base: new URL(`${scheme}://${address}/v2/`) };
}

/** Tells servers apart, and addresses of single blobs. */
export function placeOf({ base, blob }: Endpoint): string {
  return blob?.href ?? base.origin;
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
  const address = new URL(`${repository.path}/${what}`, endpoint.base);
  if (endpoint.namespace !== undefined) address.searchParams.set('ns', endpoint.namespace);
  return address;
}
