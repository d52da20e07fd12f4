import type { Challenge } from './challenge.js';
import type { Credential, CredentialProvider } from './client.js';
import type { Endpoint } from './endpoints.js';
import { UnexpectedResponseError } from './errors.js';
import type { Concern } from './failures.js';
import { mergeScopes, type Scope } from './scopes.js';
import { TokenCache } from './token-cache.js';
import {
  basicValue,
  requestToken,
  secretsOf,
  type TokenContext,
  type TokenServer,
} from './token-server.js';

/** Who wants to do what, where. */
export interface AccessRequest {
  readonly endpoint: Endpoint;
  readonly scopes: readonly Scope[];
  readonly concern: Concern;
  readonly signal: AbortSignal;
}

type Scheme = { readonly kind: 'basic' } | ({ readonly kind: 'bearer' } & TokenServer);

/**
 * Finds the `Authorization` for requests to an endpoint. Nothing is sent before the endpoint has
 * said how; from then on every request brings its authorization along.
 */
export class Authorizer {
  readonly #provider: CredentialProvider;
  readonly #context: TokenContext;
  readonly #tokens: TokenCache;
  readonly #schemes = new Map<string, Scheme>();
  readonly #credentials = new Map<string, Promise<Credential | undefined>>();
  /** The scopes that an endpoint asked for, where they are more than the request's own. */
  readonly #widened = new Map<string, readonly Scope[]>();

  constructor(provider: CredentialProvider, context: TokenContext) {
    this.#provider = provider;
    this.#context = context;
    this.#tokens = new TokenCache(context.scheduler);
  }

  /** The header to begin with; `undefined` where the endpoint hasn't asked for any yet. */
  async header(access: AccessRequest): Promise<string | undefined> {
    const scheme = this.#schemes.get(access.endpoint.base.origin);
    return scheme === undefined ? undefined : this.#authorization(scheme, access);
  }

  /**
   * The header that answers a 401: `refused` is what the refused request had. `undefined` when
   * there is nothing better to show than that.
   */
  async answer(
    challenges: readonly Challenge[],
    access: AccessRequest,
    refused: string | undefined,
  ): Promise<string | undefined> {
    const challenge =
      challenges.find(({ scheme }) => scheme === 'bearer') ??
      challenges.find(({ scheme }) => scheme === 'basic');
    if (challenge === undefined) return undefined;
    const scheme = schemeOf(challenge, access);
    this.#schemes.set(access.endpoint.base.origin, scheme);
    this.#widened.set(
      wideningKey(access),
      mergeScopes([...access.scopes, challenge.parameters.get('scope') ?? '']),
    );
    // Somebody may have logged in anew since.
    if (refused !== undefined) this.#credentials.delete(access.endpoint.host);
    const next = await this.#authorization(scheme, access, refused);
    return next === refused ? undefined : next;
  }

  /** What was shown to a host and must not be seen in what it answers. */
  async secrets(host: string): Promise<string[]> {
    const credential = await this.#credentials.get(host)?.catch(() => undefined);
    return secretsOf(credential);
  }

  async #authorization(
    scheme: Scheme,
    access: AccessRequest,
    refused?: string,
  ): Promise<string | undefined> {
    const { endpoint, concern, signal } = access;
    const credential = await this.#credential(endpoint.host);
    if (scheme.kind === 'basic') {
      if (credential?.kind !== 'basic') return undefined;
      return `Basic ${basicValue(credential.username, credential.password)}`;
    }
    if (credential?.kind === 'bearer') return `Bearer ${credential.token}`;
    const scopes = this.#widened.get(wideningKey(access)) ?? mergeScopes(access.scopes);
    const key = [endpoint.host, scheme.realm.href, scheme.service, ...scopes].join('\n');
    const token = await this.#tokens.get(
      key,
      (shared) => requestToken(scheme, scopes, credential, this.#context, concern, shared),
      signal,
      refused?.replace(/^Bearer /, ''),
    );
    return `Bearer ${token}`;
  }

  #credential(host: string): Promise<Credential | undefined> {
    const known = this.#credentials.get(host);
    if (known !== undefined) return known;
    const credential = this.#provider(host);
    this.#credentials.set(host, credential);
    credential.catch(() => this.#credentials.delete(host));
    return credential;
  }
}

function wideningKey({ endpoint, scopes }: AccessRequest): string {
  return [endpoint.base.origin, ...mergeScopes(scopes)].join('\n');
}

function schemeOf(challenge: Challenge, { concern }: AccessRequest): Scheme {
  if (challenge.scheme === 'basic') return { kind: 'basic' };
  const text = challenge.parameters.get('realm') ?? '';
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm === undefined || !/^https?:$/.test(realm.protocol)) {
    const message = `${concern.host ?? 'The registry'} names no token server that can be asked`;
    throw new UnexpectedResponseError(message, { ...concern, status: 401 });
  }
  return { kind: 'bearer', realm, service: challenge.parameters.get('service') };
}
