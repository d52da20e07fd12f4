import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { SchedulerLike } from 'rxjs';
import { discard, errorOf, headerOf } from './answers.js';
import type { AccessRequest, Authorizer, BetterAccess } from './authorizer.js';
import { parseChallenges } from './challenge.js';
import type { Connections, HttpAnswer, HttpRequest } from './connections.js';
import { isLoopback, type Endpoint } from './endpoints.js';
import { InsecureAddressError, TooManyRedirectsError, type RegistryError } from './errors.js';
import type { Concern } from './failures.js';

/** A request to a registry, by whoever may make it. */
export interface RegistryRequest extends AccessRequest {
  readonly method: Dispatcher.HttpMethod;
  /** At the endpoint or wherever it sent us; the authorization goes to the endpoint alone. */
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Opens the body, once for each time that it is sent. */
  readonly open?: () => Promise<Readable | Uint8Array>;
}

const maxRedirects = 5;
/** Shorter values of headers and queries are no secrets, and would be found everywhere. */
const minSecret = 8;

/** Carries requests to registries: authorizes them, answers a 401 once, follows redirects. */
export class Transport {
  readonly #connections: Connections;
  readonly #authorizer: Authorizer;
  readonly #scheduler: SchedulerLike;

  constructor(connections: Connections, authorizer: Authorizer, scheduler: SchedulerLike) {
    this.#connections = connections;
    this.#authorizer = authorizer;
    this.#scheduler = scheduler;
  }

  /** Resolves with the answer, of any status but one that was dealt with here. */
  async send(request: RegistryRequest): Promise<HttpAnswer> {
    const isAnonymous = request.endpoint.blob !== undefined;
    let authorization = isAnonymous ? undefined : await this.#authorizer.header(request);
    let answer = await this.#follow(request, authorization);
    for (let isLast = false; !isAnonymous && !isLast && isRefused(request, answer);) {
      const better = await this.#better(request, answer, authorization);
      if (better === undefined) break;
      await discard(answer);
      ({ header: authorization, isLast } = better);
      answer = await this.#follow(request, authorization);
    }
    if (answer.status === 401) throw await this.refusal(request, answer);
    return answer;
  }

  /** Tells whether an endpoint has asked for an authorization. */
  isChallenged(endpoint: Endpoint): boolean {
    return this.#authorizer.isChallenged(endpoint);
  }

  /** The error that an answer stands for; takes its body. */
  async refusal(request: AccessRequest, answer: HttpAnswer): Promise<RegistryError> {
    const { endpoint, concern, signal } = request;
    // What a redirect or an address was signed with is a secret as well.
    const isPlain = isOwn(request, answer.url) && endpoint.blob === undefined;
    const signatures = isPlain ? [] : [...answer.url.searchParams.values()];
    const own = [...Object.values(endpoint.headers ?? {}), ...signatures].flatMap((value) =>
      value.length < minSecret ? [] : [value, encodeURIComponent(value)],
    );
    const secrets = [...this.#authorizer.secrets(endpoint.host), ...own];
    return errorOf(answer, concern, signal, { now: this.#scheduler.now(), secrets });
  }

  async #better(
    request: RegistryRequest,
    answer: HttpAnswer,
    refused: string | undefined,
  ): Promise<BetterAccess | undefined> {
    const challenges = parseChallenges(answer.headers['www-authenticate']);
    try {
      const { status } = answer;
      return await this.#authorizer.answer({ status, challenges, refused }, request);
    } catch (error) {
      await discard(answer);
      throw error;
    }
  }

  async #follow(request: RegistryRequest, authorization?: string): Promise<HttpAnswer> {
    const { method, headers, open, concern, signal } = request;
    let { url } = request;
    for (let redirects = 0; ; redirects++) {
      const own: Partial<HttpRequest> = isOwn(request, url) ? ownParts(request, authorization) : {};
      const answer = await this.#connections.request(
        {
          method,
          url,
          headers: { ...headers, ...own.headers },
          body: await open?.(),
          signal,
          tls: own.tls,
          connectTimeout: own.connectTimeout,
          proxy: own.proxy,
          isSentOn: !isOwn(request, url),
        },
        concern,
      );
      const next = redirectOf(request, answer);
      if (next === undefined) return answer;
      await discard(answer);
      if (redirects === maxRedirects) {
        throw new TooManyRedirectsError(maxRedirects, { ...concern, status: answer.status });
      }
      url = allowedAddress(answer.url, next, concern);
    }
  }
}

/**
 * The address that a `Location` names, with its query kept and any user name taken out.
 *
 * @throws InsecureAddressError where it would leave encryption, but for this machine.
 */
export function allowedAddress(from: URL, location: string, concern: Concern): URL {
  const shown = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const insecure = from.protocol === 'https:' && shown?.protocol === 'http:';
  if (
    shown === undefined ||
    !/^https?:$/.test(shown.protocol) ||
    (insecure && !isLoopback(shown.host))
  ) {
    const target = shown === undefined ? 'no address' : `${shown.protocol}//${shown.host}`;
    throw new InsecureAddressError(`${from.host} sends on to ${target}`, concern);
  }
  shown.username = '';
  shown.password = '';
  shown.hash = '';
  return shown;
}

function isOwn({ endpoint }: AccessRequest, url: URL): boolean {
  return url.origin === endpoint.base.origin;
}

/** Also those who don't let us know that there is something hide it behind 403 or 404. */
function isRefused(request: AccessRequest, { status, url }: HttpAnswer): boolean {
  return isOwn(request, url) && [401, 403, 404, 429].includes(status);
}

/** What a request to the endpoint has, and one to whoever it redirects to doesn't. */
function ownParts(
  { endpoint }: AccessRequest,
  authorization: string | undefined,
): Pick<HttpRequest, 'headers' | 'tls' | 'connectTimeout' | 'proxy'> {
  const own = authorization === undefined ? {} : { authorization };
  const { headers, tls, connectTimeout, proxy } = endpoint;
  return { headers: { ...headers, ...own }, tls, connectTimeout, proxy };
}

function redirectOf({ method }: RegistryRequest, answer: HttpAnswer): string | undefined {
  const anyMethod = answer.status === 307 || answer.status === 308;
  const read = method === 'GET' || method === 'HEAD';
  if (!anyMethod && !(read && [301, 302, 303].includes(answer.status))) return undefined;
  return headerOf(answer, 'location');
}
