import { BlockList, isIP } from 'node:net';
import type { Environment } from './environment.js';

/** The proxies that requests go through, by the scheme of what is asked for. */
export interface ProxySettings {
  /** For plain HTTP: `http://[user:password@]name[:port]`, or https. */
  readonly httpProxy?: string;
  /** For HTTPS, through a tunnel (CONNECT). */
  readonly httpsProxy?: string;
  /**
   * Hosts that are spoken to directly, separated by commas: `name[:port]`, with all names below
   * it; `.name` or `*.name` for those below it alone; an address or a network as `10.0.0.0/8`;
   * `*` for all.
   */
  readonly noProxy?: string;
}

/**
 * The proxies that the environment names: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in lower
 * case before upper case, with `ALL_PROXY` for want of the first two. This machine itself is
 * always spoken to directly.
 */
export function environmentProxies(environment: Environment = process.env): ProxySettings {
  const of = (name: string): string | undefined =>
    [environment[name.toLowerCase()], environment[name]].find((value) => value?.trim())?.trim();
  // In a CGI program, HTTP_PROXY is what a client sent as the header 'Proxy' (httpoxy).
  const isCgi = environment['REQUEST_METHOD'] !== undefined;
  const httpProxy = (isCgi ? environment['http_proxy'] : of('HTTP_PROXY')) ?? of('ALL_PROXY');
  const httpsProxy = of('HTTPS_PROXY') ?? of('ALL_PROXY');
  return {
    ...(httpProxy === undefined ? {} : { httpProxy }),
    ...(httpsProxy === undefined ? {} : { httpsProxy }),
    noProxy: ['localhost,127.0.0.0/8,::1', of('NO_PROXY')].filter(Boolean).join(','),
  };
}

/** The proxy that requests to `url` go through; `undefined`: directly. */
export function proxyFor(url: URL, settings: ProxySettings): URL | undefined {
  const { httpProxy, httpsProxy, noProxy = '' } = settings;
  const proxy = url.protocol === 'https:' ? httpsProxy : httpProxy;
  if (proxy === undefined || isDirect(url, noProxy)) return undefined;
  return parseProxy(proxy);
}

/** The address of a proxy, whose scheme may be left out; `undefined` where it is none. */
export function parseProxy(text: string): URL | undefined {
  const full = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** Why a text can't be the address of a proxy, without a word of its credentials. */
export function proxyProblem(text: string): string | undefined {
  const url = parseProxy(text);
  if (url === undefined) return 'is not an http or https address';
  try {
    proxyCredentials(url);
    return undefined;
  } catch {
    return "has a user or password with a '%' that is no code of a character; write it as %25";
  }
}

/** `user:password` of a proxy's address, as Basic sends it. */
export function proxyCredentials({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return Buffer.from(pair, 'utf8').toString('base64');
}

function isDirect(url: URL, noProxy: string): boolean {
  const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, '');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const entries = noProxy.toLowerCase().split(/[\s,]+/);
  return entries.some((entry) => entry !== '' && covers(entry, host, port));
}

function covers(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const network = /^([\da-f.:]+)\/(\d{1,3})$/.exec(entry);
  if (network !== null) return isWithin(host, network[1] ?? '', Number(network[2]));
  const [, bracketed, plain, stated] =
    /^(?:\[([\da-f.:]+)\]|([^:]+))(?::(\d+))?$/.exec(entry) ?? [];
  // What doesn't fit that is an IPv6 address without brackets.
  const name = bracketed ?? plain ?? entry;
  if (stated !== undefined && stated !== port) return false;
  if (isIP(name) > 0) return isWithin(host, name, isIP(name) === 4 ? 32 : 128);
  const suffix = name.replace(/^\*/, '');
  if (suffix.startsWith('.')) return host.endsWith(suffix);
  return host === suffix || host.endsWith(`.${suffix}`);
}

function isWithin(host: string, network: string, prefix: number): boolean {
  const family = isIP(network);
  if (family === 0 || family !== isIP(host) || prefix > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, prefix, type);
  return list.check(host, type);
}
