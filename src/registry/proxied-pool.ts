import { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { buildConnector, Pool, type Dispatcher } from 'undici';
import { ProxyError, type ProxyFault } from './proxy-error.js';
import { proxyCredentials } from './proxies.js';

/** A proxy as sockets to it are made. */
export interface ProxyServer {
  readonly url: URL;
  /** Only for a proxy that is spoken to in HTTPS. */
  readonly context: SecureContext | undefined;
}

/** What the sockets to an origin are made with. */
export interface PoolOptions {
  readonly connect: buildConnector.BuildOptions & { readonly timeout: number };
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
  /** In bytes. */
  readonly maxHeaderSize: number;
}

/** A dispatcher for an origin, and what ends all sockets that it has. */
export interface OriginPool {
  readonly dispatcher: Dispatcher;
  readonly destroy: (reason: Error) => Promise<void>;
}

/**
 * Speaks to an origin through a proxy: in tunnels (CONNECT) where it is secure, else as proxies know
 * plain HTTP, since many allow tunnels to port 443 alone. What the proxy does wrong is a ProxyError.
 *
 * undici's own ProxyAgent doesn't tell a refusal of the proxy from a connection that broke, nor from
 * an answer of the origin.
 */
export function proxiedPool(origin: string, options: PoolOptions, proxy: ProxyServer): OriginPool {
  return origin.startsWith('https:')
    ? tunnelling(origin, options, proxy)
    : forwarding(origin, options, proxy);
}

function tunnelling(origin: string, options: PoolOptions, proxy: ProxyServer): OriginPool {
  const { host } = new URL(origin);
  const path = /:\d+$/.test(host) ? host : `${host}:443`;
  const headers = { host: path, ...authorization(proxy) };
  // A tunnel is a connection: it may take as long as one.
  const doors = new Pool(proxy.url.origin, {
    connect: connectionTo(proxy, options),
    headersTimeout: options.connect.timeout,
    maxHeaderSize: options.maxHeaderSize,
  });
  const open = async (): Promise<Socket> => {
    const answer = await doors.connect({ path, headers }).catch((cause: unknown) => {
      throw proxyError(proxy, host, { cause });
    });
    const { socket } = answer;
    // It always is one; the types say no more than that it is a stream.
    if (answer.statusCode === 200 && socket instanceof Socket) return socket;
    socket.on('error', () => undefined).destroy();
    throw proxyError(proxy, host, { status: answer.statusCode });
  };
  const secure = buildConnector(options.connect);
  const pool = new Pool(origin, {
    ...options,
    connect: (target, callback) => {
      open().then(
        (httpSocket) => secure({ ...target, httpSocket }, callback),
        (error: unknown) => callback(error as Error, null),
      );
    },
  });
  return {
    dispatcher: pool,
    destroy: async (reason) => {
      await Promise.all([pool.destroy(reason), doors.destroy(reason)]);
    },
  };
}

function forwarding(origin: string, options: PoolOptions, proxy: ProxyServer): OriginPool {
  const { host } = new URL(origin);
  const connect = buildConnector(connectionTo(proxy, options));
  const pool = new Pool(proxy.url.origin, {
    ...options,
    connect: (target, callback) => {
      connect(target, (...[cause, socket]) => {
        if (cause === null) callback(null, socket);
        else callback(proxyError(proxy, host, { cause }), null);
      });
    },
  });
  const refused = (status: number): ProxyError => proxyError(proxy, host, { status });
  const dispatcher = pool.compose((dispatch) => (request, handler) => {
    const own = request.headers as Readonly<Record<string, string>>;
    const headers = { ...own, host, ...authorization(proxy) };
    const path = `${origin}${request.path}`;
    return dispatch({ ...request, path, headers }, new RefusalWatch(handler, refused));
  });
  return { dispatcher, destroy: (reason) => pool.destroy(reason) };
}

/** Tells answers of the proxy from those of the origin, as far as they can be told. */
class RefusalWatch implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #refused: (status: number) => ProxyError;

  constructor(handler: Dispatcher.DispatchHandler, refused: (status: number) => ProxyError) {
    this.#handler = handler;
    this.#refused = refused;
  }

  onRequestStart(...args: Parameters<Handler['onRequestStart']>): void {
    this.#handler.onRequestStart?.(...args);
  }

  onResponseStart(...[controller, status, headers, ...rest]: ResponseStart): void {
    if (isOfProxy(status, headers)) controller.abort(this.#refused(status));
    else this.#handler.onResponseStart?.(controller, status, headers, ...rest);
  }

  onResponseData(...args: Parameters<Handler['onResponseData']>): void {
    this.#handler.onResponseData?.(...args);
  }

  onResponseEnd(...args: Parameters<Handler['onResponseEnd']>): void {
    this.#handler.onResponseEnd?.(...args);
  }

  onResponseError(...args: Parameters<Handler['onResponseError']>): void {
    this.#handler.onResponseError?.(...args);
  }
}

type Handler = Required<Dispatcher.DispatchHandler>;
type ResponseStart = Parameters<Handler['onResponseStart']>;

/** Squid, tinyproxy, and those that know RFC 9209 sign the errors that are their own. */
function isOfProxy(status: number, headers: ResponseStart[2]): boolean {
  if (status === 407) return true;
  const { server } = headers;
  const isSigned =
    headers['x-squid-error'] !== undefined ||
    headers['proxy-status'] !== undefined ||
    (typeof server === 'string' && /^tinyproxy\b/i.test(server));
  return status >= 400 && isSigned;
}

function proxyError(
  { url }: ProxyServer,
  target: string,
  fault: Pick<ProxyFault, 'status' | 'cause'>,
): ProxyError {
  const access = proxyCredentials(url) === undefined ? 'anonymous' : 'authenticated';
  return new ProxyError(url.host, target, { ...fault, access });
}

function connectionTo(
  { context }: ProxyServer,
  { connect: { timeout } }: PoolOptions,
): buildConnector.BuildOptions {
  return { timeout, ...(context && { secureContext: context }) };
}

function authorization({ url }: ProxyServer): Record<string, string> {
  const credentials = proxyCredentials(url);
  return credentials === undefined ? {} : { 'proxy-authorization': `Basic ${credentials}` };
}
