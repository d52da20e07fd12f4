import type { Readable } from 'node:stream';
import { Pool, type Dispatcher } from 'undici';
import { ClientClosedError } from './errors.js';
import { connectionFailure, type Concern } from './failures.js';
import type { ClientSettings } from './options.js';

/** One request to one address; redirects and refusals are the caller's. */
export interface HttpRequest {
  readonly method: Dispatcher.HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Readable | Uint8Array | undefined;
  readonly signal: AbortSignal;
}

/** What came back. Its body must be read to the end, discarded or destroyed. */
export interface HttpAnswer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Dispatcher.ResponseData['body'];
}

/** The sockets of a client: one pool for each origin that it speaks to. */
export class Connections {
  readonly #settings: ClientSettings;
  readonly #pools = new Map<string, Pool>();
  #closed: Promise<void> | undefined;

  constructor(settings: ClientSettings) {
    this.#settings = settings;
  }

  /** Resolves with an answer of any status as soon as its headers are there. */
  async request(request: HttpRequest, concern: Concern): Promise<HttpAnswer> {
    const { method, url, headers, body = null, signal } = request;
    try {
      signal.throwIfAborted();
      if (this.#closed !== undefined) throw new ClientClosedError();
      const answer = await this.#pool(url.origin).request({
        method,
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
    const destroyed = [...this.#pools.values()].map((pool) =>
      pool.destroy(new ClientClosedError()),
    );
    this.#closed ??= Promise.all(destroyed).then(() => undefined);
    return this.#closed;
  }

  #pool(origin: string): Pool {
    const known = this.#pools.get(origin);
    if (known !== undefined) return known;
    const { connectTimeout, headersTimeout, bodyTimeout } = this.#settings;
    const pool = new Pool(origin, {
      connect: { timeout: connectTimeout },
      headersTimeout,
      bodyTimeout,
    });
    this.#pools.set(origin, pool);
    return pool;
  }
}
