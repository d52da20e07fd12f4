import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { SecureContext } from 'node:tls';
import type { Dispatcher } from 'undici';
import { abandon } from './abandon.js';
import { createPool } from './dispatchers.js';
import { ClientClosedError, UnexpectedResponseError } from './errors.js';
import { connectionFailure, type Concern } from './failures.js';
import { loggedRequests, type RequestObserver } from './observe-requests.js';
import type { ClientSettings } from './options.js';
import type { OriginPool, ProxyServer } from './proxied-pool.js';
import { proxyFor } from './proxies.js';
import { secureContext, systemRoots, tlsIdentity, type TlsSettings } from './tls.js';

/** One request to one address; redirects and refusals are the caller's. */
export interface HttpRequest {
  readonly method: Dispatcher.HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Readable | Uint8Array | undefined;
  readonly signal: AbortSignal;
  /** Default: what the client's options say of the host. */
  readonly tls?: TlsSettings | undefined;
  /** In ms. Default: what the client's options say. */
  readonly connectTimeout?: number | undefined;
  /** The proxy to go through. Default: what the client's options say of the host. */
  readonly proxy?: URL | undefined;
  /** A registry has sent us to another host, so that the path may be signed. Default: it hasn't. */
  readonly isSentOn?: boolean;
}

/** What came back. Its body must be read to the end, discarded or destroyed. */
export interface HttpAnswer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Dispatcher.ResponseData['body'];
}

/** Header fields that an answer may have; what few bytes they take is limited besides. */
const maxHeaders = 200;
/** Bytes of a body that wait for their reader before its socket is left alone. */
const bodyBuffer = 512 * 1024;

/** The sockets of a client: one pool for each origin that it speaks to and way to secure it. */
export class Connections {
  readonly #settings: ClientSettings;
  readonly #observe: RequestObserver;
  readonly #pools = new Map<string, OriginPool>();
  readonly #contexts = new Map<string, SecureContext>();
  #roots: Promise<readonly string[]> | undefined;
  #closed: Promise<void> | undefined;

  constructor(settings: ClientSettings) {
    this.#settings = settings;
    const logged = loggedRequests(settings.logger, settings.scheduler);
    this.#observe = (facts, send) => settings.observeRequest(facts, () => logged(facts, send));
  }

  /** Resolves with an answer of any status as soon as its headers are there. */
  request(request: HttpRequest, concern: Concern): Promise<HttpAnswer> {
    const { method, url, isSentOn = false } = request;
    const facts = { method, host: url.host, path: isSentOn ? undefined : url.pathname };
    return this.#observe(facts, () => this.#send(request, concern));
  }

  /** Ends every socket; requests and bodies under way fail with a ClientClosedError. */
  close(): Promise<void> {
    this.#closed ??= Promise.all(
      [...this.#pools.values()].map(({ destroy }) => destroy(new ClientClosedError())),
    ).then(() => undefined);
    return this.#closed;
  }

  async #send(request: HttpRequest, concern: Concern): Promise<HttpAnswer> {
    const { method, url, headers, body = null, signal } = request;
    try {
      signal.throwIfAborted();
      const dispatcher = await this.#dispatcher(request);
      // A connection that has just had an answer takes the next request a turn of the event loop later.
      // A stream might break meanwhile with nobody to hear it.
      if (!(body instanceof Readable)) await setImmediate();
      signal.throwIfAborted();
      const answer = await dispatcher.request({
        method,
        origin: url.origin,
        path: url.pathname + url.search,
        headers: { 'user-agent': this.#settings.userAgent, ...headers },
        body,
        signal,
        highWaterMark: bodyBuffer,
        // undici closes a connection after HEAD, lest a server has sent a body with that answer; a
        // connection that has bytes nobody asked for is closed as well.
        reset: false,
      });
      const { statusCode: status, headers: received } = answer;
      return limited({ url, status, headers: received, body: answer.body }, concern);
    } catch (error) {
      if (body instanceof Readable) body.destroy();
      throw connectionFailure(error, { ...concern, host: url.host }, signal);
    }
  }

  async #dispatcher(request: HttpRequest): Promise<Dispatcher> {
    const { url, proxy = proxyFor(url, this.#settings.proxies) } = request;
    const isSecure = url.protocol === 'https:';
    const tls = isSecure ? (request.tls ?? (await this.#settings.tls(url.host)) ?? {}) : undefined;
    if (isSecure || proxy?.protocol === 'https:') this.#roots ??= systemRoots();
    return this.#pooled(request, { tls, proxy, roots: (await this.#roots) ?? [] });
  }

  #pooled(
    { url: { origin }, connectTimeout = this.#settings.connectTimeout }: HttpRequest,
    { tls, proxy, roots }: Way,
  ): Dispatcher {
    if (this.#closed !== undefined) throw new ClientClosedError();
    const key = [origin, connectTimeout, tls && tlsIdentity(tls), proxy?.href].join(' ');
    const known = this.#pools.get(key);
    if (known !== undefined) return known.dispatcher;
    const pool = createPool({
      origin,
      settings: { ...this.#settings, connectTimeout },
      secure: tls && { context: this.#context(tls, roots), verify: tls.verify ?? true },
      proxy: proxy && this.#proxyServer(proxy, roots),
    });
    this.#pools.set(key, pool);
    return pool.dispatcher;
  }

  #proxyServer(url: URL, roots: readonly string[]): ProxyServer {
    return { url, context: url.protocol === 'https:' ? this.#context({}, roots) : undefined };
  }

  #context(tls: TlsSettings, roots: readonly string[]): SecureContext {
    const identity = tlsIdentity(tls);
    const context = this.#contexts.get(identity) ?? secureContext(tls, roots);
    this.#contexts.set(identity, context);
    return context;
  }
}

/** @throws UnexpectedResponseError, and ends the answer, where it has too many headers. */
function limited(answer: HttpAnswer, concern: Concern): HttpAnswer {
  if (Object.values(answer.headers).flat().length <= maxHeaders) return answer;
  abandon(answer);
  const { host } = answer.url;
  const message = `${host} sends more headers than allowed (over ${maxHeaders})`;
  throw new UnexpectedResponseError(message, { ...concern, host });
}

/** How an origin is reached. */
interface Way {
  readonly tls: TlsSettings | undefined;
  readonly proxy: URL | undefined;
  /** Authorities that the system trusts; none where they aren't needed. */
  readonly roots: readonly string[];
}
