import type { SecureContext } from 'node:tls';
import { Pool, ProxyAgent, type Dispatcher } from 'undici';
import type { ClientSettings } from './options.js';
import { proxyFor } from './proxies.js';
import { watchForStalls } from './stall-watch.js';

/** The sockets to one origin are made with this. */
export interface DispatcherOptions {
  readonly origin: string;
  readonly settings: ClientSettings;
  /** Only for an origin that is spoken to in HTTPS. */
  readonly secure: { readonly context: SecureContext; readonly verify: boolean } | undefined;
}

/** Makes the pool of an origin: to the origin itself, or through the proxy that stands for it. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return createPool(options).compose(watchForStalls(options.settings));
}

function createPool({ origin, settings, secure }: DispatcherOptions): Dispatcher {
  const { connectTimeout, headersTimeout, bodyTimeout, proxies } = settings;
  const connect = {
    timeout: connectTimeout,
    ...(secure && { secureContext: secure.context, rejectUnauthorized: secure.verify }),
  };
  const timeouts = { headersTimeout, bodyTimeout };
  const proxy = proxyFor(new URL(origin), proxies);
  if (proxy === undefined) return new Pool(origin, { connect, ...timeouts });
  const credentials = proxyCredentials(proxy);
  return new ProxyAgent({
    // The credentials are taken out, so that no message about the proxy can hold them.
    uri: proxy.origin,
    ...(credentials === undefined ? {} : { token: `Basic ${credentials}` }),
    requestTls: connect,
    proxyTls: { timeout: connectTimeout },
    // Plain HTTP goes as proxies know it; many allow tunnels to port 443 alone.
    proxyTunnel: false,
    factory: (target: URL | string, options: Pool.Options) =>
      new Pool(target, Object.assign(options, timeouts)),
    ...timeouts,
  });
}

/** `user:password` of a proxy's address, as Basic sends it. */
export function proxyCredentials({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return Buffer.from(pair, 'utf8').toString('base64');
}
