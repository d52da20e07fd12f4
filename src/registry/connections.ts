import type { Readable } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { Dispatcher } from 'undici';
import { createDispatcher } from './dispatchers.js';
import { ClientClosedError } from './errors.js';
import { connectionFailure, type Concern } from './failures.js';
import type { ClientSettings } from './options.js';
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
}

/** What came back. Its body must be read to the end, discarded or destroyed. */
export interface HttpAnswer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Dispatcher.ResponseData['body'];
}

/** The sockets of a client: one pool for each origin that it speaks to and way to secure it. */
export class Connections {
  readonly #settings: ClientSettings;
  readonly #dispatchers = new Map<string, Dispatcher>();
  readonly #contexts = new Map<string, SecureContext>();
  #roots: Promise<readonly string[]> | undefined;
  #closed: Promise<void> | undefined;

  constructor(settings: ClientSettings) {
    this.#settings = settings;
  }

  /** Resolves with an answer of any status as soon as its headers are there. */
  async request(request: HttpRequest, concern: Concern): Promise<HttpAnswer> {
    const { method, url, headers, body = null, signal } = request;
    try {
      signal.throwIfAborted();
      const dispatcher = await this.#dispatcher(request);
      signal.throwIfAborted();
      const answer = await dispatcher.request({
        method,
        origin: url.origin,
        path: url.pathname + url.search,
        headers: { 'user-agent': this.#settings.userAgent, ...headers },
        body,
        signal,
      });
      return { url, status: answer.statusCode, headers: answer.headers, body: answer.body };
    } catch (error) {
      if (body !== null && 'destroy' in body) body.destroy();
      throw connectionFailure(error, { ...concern, host: url.host }, signal);
    }
  }

  /** Ends every socket; requests and bodies under way fail with a ClientClosedError. */
  close(): Promise<void> {
    this.#closed ??= Promise.all(
      [...this.#dispatchers.values()].map((each) => each.destroy(new ClientClosedError())),
    ).then(() => undefined);
    return this.#closed;
  }

  async #dispatcher(request: HttpRequest): Promise<Dispatcher> {
    const { url } = request;
    if (url.protocol === 'http:') return this.#pooled(request, undefined, []);
    const tls = request.tls ?? (await this.#settings.tls(url.host)) ?? {};
    this.#roots ??= systemRoots();
    return this.#pooled(request, tls, await this.#roots);
  }

  #pooled(
    { url: { origin }, connectTimeout = this.#settings.connectTimeout }: HttpRequest,
    tls: TlsSettings | undefined,
    roots: readonly string[],
  ): Dispatcher {
    if (this.#closed !== undefined) throw new ClientClosedError();
    const identity = tls === undefined ? '' : tlsIdentity(tls);
    const key = `${origin} ${connectTimeout} ${identity}`;
    const known = this.#dispatchers.get(key);
    if (known !== undefined) return known;
    const secure =
      tls === undefined
        ? undefined
        : { context: this.#context(identity, tls, roots), verify: tls.verify ?? true };
    const dispatcher = createDispatcher({
      origin,
      settings: { ...this.#settings, connectTimeout },
      secure,
    });
    this.#dispatchers.set(key, dispatcher);
    return dispatcher;
  }

  #context(identity: string, tls: TlsSettings, roots: readonly string[]): SecureContext {
    const context = this.#contexts.get(identity) ?? secureContext(tls, roots);
    this.#contexts.set(identity, context);
    return context;
  }
}
