import type { Challenge } from './challenge.js';
import type { Credential, CredentialProvider } from './client.js';
import type { Endpoint } from './endpoints.js';
import { RegistryError, UnexpectedResponseError } from './errors.js';
import type { Concern } from './failures.js';
import { isPullOnly, mergeScopes, repositoryOf, type Scope } from './scopes.js';
import { ShownSecrets } from './shown-secrets.js';
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

/** An answer that refuses, perhaps for want of another authorization. */
export interface AccessRefusal {
  readonly status: number;
  readonly challenges: readonly Challenge[];
  /** The `Authorization` that was refused. */
  readonly refused: string | undefined;
}

/** What to show in place of what was refused. */
export interface BetterAccess {
  readonly header: string;
  /** When this is refused too, nothing better will follow. */
  readonly isLast: boolean;
}

type Scheme = { readonly kind: 'basic' } | ({ readonly kind: 'bearer' } & TokenServer);

/**
 * Finds the `Authorization` for requests to an endpoint. Nothing is sent before the endpoint has
 * said how; from then on every request brings its authorization along.
 *
 * Where tokens are what it takes, pulls begin with an anonymous one: what is public needs no
 * credential, and no credential helper. Once that is refused, the repository gets ours.
 */
export class Authorizer {
  readonly #provider: CredentialProvider;
  readonly #context: TokenContext;
  readonly #tokens: TokenCache;
  readonly #schemes = new Map<string, Scheme>();
  readonly #credentials = new Map<string, Promise<Credential | undefined>>();
  /** Where an anonymous token was refused, and there is a credential. */
  readonly #known = new Set<string>();
  /** The anonymous authorization that was shown last, by what for. */
  readonly #strangers = new Map<string, string>();
  /** The scopes that an endpoint asked for, where they are more than the request's own. */
  readonly #widened = new Map<string, readonly Scope[]>();
  readonly #shown = new ShownSecrets();

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

  /** What answers a refusal; `undefined` when there is nothing better to show. */
  async answer(
    { status, challenges, refused }: AccessRefusal,
    access: AccessRequest,
  ): Promise<BetterAccess | undefined> {
    if (status === 401) this.#learn(challenges, access);
    const scheme = this.#schemes.get(access.endpoint.base.origin);
    if (scheme === undefined || (status === 401 && challenges.length === 0)) return undefined;
    const wasAnonymous =
      refused === undefined
        ? this.#isAnonymous(scheme, access)
        : refused === this.#strangers.get(wantOf(access));
    const isStep = refused !== undefined && wasAnonymous && (await this.#stepUp(access));
    if (status !== 401 && !isStep) return undefined;
    // Somebody may have logged in anew since.
    if (refused !== undefined && !wasAnonymous) this.#credentials.delete(placeOf(access));
    const header = await this.#authorization(scheme, access, refused);
    const isLast = refused !== undefined || !wasAnonymous;
    return header === undefined || header === refused ? undefined : { header, isLast };
  }

  /** Tells whether an endpoint has asked for an authorization. */
  isChallenged(endpoint: Endpoint): boolean {
    return this.#schemes.has(endpoint.base.origin);
  }

  /** What was shown to a host and must not be seen in what it answers. */
  secrets(host: string): readonly string[] {
    return this.#shown.of(host);
  }

  #learn(challenges: readonly Challenge[], access: AccessRequest): void {
    const challenge =
      challenges.find(({ scheme }) => scheme === 'bearer') ??
      challenges.find(({ scheme }) => scheme === 'basic');
    if (challenge === undefined) return;
    this.#schemes.set(access.endpoint.base.origin, schemeOf(challenge, access));
    const asked = challenge.parameters.get('scope') ?? '';
    this.#widened.set(wantOf(access), mergeScopes([...access.scopes, asked]));
  }

  /** From anonymous to our own credential; tells whether there is one. */
  async #stepUp(access: AccessRequest): Promise<boolean> {
    if ((await this.#credential(access)) === undefined) return false;
    this.#known.add(placeOf(access));
    return true;
  }

  async #authorization(
    scheme: Scheme,
    access: AccessRequest,
    refused?: string,
  ): Promise<string | undefined> {
    if (this.#isAnonymous(scheme, access)) {
      try {
        const header = await this.#bearer(scheme, access, undefined, refused);
        this.#strangers.set(wantOf(access), header);
        return header;
      } catch (error) {
        const isRefusal = error instanceof RegistryError && (error.status ?? 500) < 500;
        if (!isRefusal || !(await this.#stepUp(access))) throw error;
      }
    }
    const credential = await this.#credential(access);
    if (scheme.kind === 'bearer') return this.#bearer(scheme, access, credential, refused);
    if (credential?.kind !== 'basic') return undefined;
    return `Basic ${basicValue(credential.username, credential.password)}`;
  }

  async #bearer(
    scheme: TokenServer,
    access: AccessRequest,
    credential: Credential | undefined,
    refused: string | undefined,
  ): Promise<string> {
    if (credential?.kind === 'bearer') return `Bearer ${credential.token}`;
    const { endpoint, concern, signal } = access;
    const scopes = this.#widened.get(wantOf(access)) ?? mergeScopes(access.scopes);
    const who = credential === undefined ? 'anonymous' : placeOf(access);
    const key = [endpoint.host, who, scheme.realm.href, scheme.service, ...scopes].join('\n');
    const token = await this.#tokens.get(
      key,
      (shared) => requestToken(scheme, scopes, credential, this.#context, concern, shared),
      signal,
      refused?.replace(/^Bearer /, ''),
    );
    this.#shown.add(endpoint.host, [token]);
    return `Bearer ${token}`;
  }

  #isAnonymous(scheme: Scheme, access: AccessRequest): scheme is Scheme & { kind: 'bearer' } {
    const mayBe = scheme.kind === 'bearer' && isPullOnly(access.scopes);
    return mayBe && !this.#known.has(placeOf(access));
  }

  async #credential(access: AccessRequest): Promise<Credential | undefined> {
    const { host } = access.endpoint;
    const place = placeOf(access);
    const asked = this.#credentials.get(place) ?? this.#provider(host, repositoryOf(access.scopes));
    this.#credentials.set(place, asked);
    try {
      const credential = await asked;
      this.#shown.add(host, secretsOf(credential));
      return credential;
    } catch (error) {
      this.#credentials.delete(place);
      throw error;
    }
  }
}

/** What a credential is for: a host, and a repository there. */
function placeOf({ endpoint, scopes }: AccessRequest): string {
  return `${endpoint.host}/${repositoryOf(scopes) ?? ''}`;
}

/** What is wanted: an endpoint and the scopes there. */
function wantOf({ endpoint, scopes }: AccessRequest): string {
  return [endpoint.base.origin, ...mergeScopes(scopes)].join('\n');
}

function schemeOf(challenge: Challenge, { endpoint, concern }: AccessRequest): Scheme {
  if (challenge.scheme === 'basic') return { kind: 'basic' };
  const text = challenge.parameters.get('realm') ?? '';
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm === undefined || !/^https?:$/.test(realm.protocol)) {
    const message = `${concern.host ?? 'The registry'} names no token server that can be asked`;
    throw new UnexpectedResponseError(message, { ...concern, status: 401 });
  }
  const service = challenge.parameters.get('service');
  if (realm.origin !== endpoint.base.origin) return { kind: 'bearer', realm, service };
  const { tls, proxy, connectTimeout } = endpoint;
  const way = {
    ...(tls && { tls }),
    ...(proxy && { proxy }),
    ...(connectTimeout !== undefined && { connectTimeout }),
  };
  return { kind: 'bearer', realm, service, way };
}
