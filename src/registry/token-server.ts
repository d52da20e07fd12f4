import type { SchedulerLike } from 'rxjs';
import type { Logger } from '../transfer/index.js';
import { errorOf, readAtMost } from './answers.js';
import type { Credential } from './client.js';
import type { Connections, HttpAnswer } from './connections.js';
import { allowsPlainHttp, type Endpoint, type PlainHttp } from './endpoints.js';
import { InsecureAddressError, UnauthorizedError, UnexpectedResponseError } from './errors.js';
import type { Concern } from './failures.js';
import type { Scope } from './scopes.js';
import type { Token } from './token-cache.js';

/** Where a registry sends those who want a token, from its Bearer challenge. */
export interface TokenServer {
  readonly realm: URL;
  readonly service: string | undefined;
  /** How it is reached, where that is as the registry itself. */
  readonly way?: Pick<Endpoint, 'tls' | 'proxy' | 'connectTimeout'>;
}

/** What the requests to token servers need of the client. */
export interface TokenContext {
  readonly connections: Connections;
  readonly plainHttp: PlainHttp;
  readonly scheduler: SchedulerLike;
  readonly logger: Logger;
}

const clientId = 'rxfer';
const answerLimit = 1024 * 1024;
const defaultLifetime = 60;
const maxLifetime = 24 * 60 * 60;

/**
 * Gets a token: by GET, with Basic where there is a password (token spec), or by the OAuth2 POST
 * where there is an identity token. Redirects are not followed, since the request is a secret.
 */
export async function requestToken(
  server: TokenServer,
  scopes: readonly Scope[],
  credential: Credential | undefined,
  context: TokenContext,
  concern: Concern,
  signal: AbortSignal,
): Promise<Token> {
  const { connections, plainHttp, scheduler, logger } = context;
  const { realm } = server;
  if (realm.protocol !== 'https:' && !allowsPlainHttp(plainHttp, realm.host)) {
    const message = `${concern.host ?? 'The registry'} names a token server without encryption, ${realm.host}`;
    throw new InsecureAddressError(message, concern);
  }
  const asked = scheduler.now();
  const request =
    credential?.kind === 'identity'
      ? oauthRequest(server, scopes, credential.token)
      : plainRequest(server, scopes, credential);
  const answer = await connections.request({ ...request, ...server.way, signal }, concern);
  if (answer.status === 401 || answer.status === 403) {
    const error = await errorOf(answer, concern, signal, {
      now: asked,
      secrets: secretsOf(credential),
    });
    const message = `The token server ${realm.host} refuses access for ${concern.host ?? 'the registry'}: ${error.message}`;
    throw new UnauthorizedError(message, { ...concern, status: answer.status });
  }
  if (answer.status !== 200) {
    throw await errorOf(answer, concern, signal, { now: asked, secrets: secretsOf(credential) });
  }
  const token = await parseToken(answer, asked, concern, signal);
  const { host } = concern;
  const facts = { host, server: realm.host, scopes: scopes.join(' ') };
  logger.debug({ ...facts, lifetime: token.expires - asked }, 'new token');
  return token;
}

/** The strings of a credential that must not be seen by anybody. */
export function secretsOf(credential: Credential | undefined): string[] {
  if (credential === undefined) return [];
  const plain =
    credential.kind === 'basic'
      ? [basicValue(credential.username, credential.password), credential.password]
      : [credential.token];
  return plain.filter(Boolean).flatMap((secret) => [secret, encodeURIComponent(secret)]);
}

/** `user:password` as Basic sends it (RFC 7617). */
export function basicValue(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`, 'utf8').toString('base64');
}

type Request = Omit<Parameters<Connections['request']>[0], 'signal'>;

function plainRequest(
  { realm, service }: TokenServer,
  scopes: readonly Scope[],
  credential: Exclude<Credential, { kind: 'identity' }> | undefined,
): Request {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const basic =
    credential?.kind === 'basic' ? basicValue(credential.username, credential.password) : undefined;
  const headers: Record<string, string> =
    basic === undefined ? {} : { authorization: `Basic ${basic}` };
  return { method: 'GET', url, headers };
}

function oauthRequest(
  { realm, service = '' }: TokenServer,
  scopes: readonly Scope[],
  refreshToken: string,
): Request {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service,
    client_id: clientId,
    scope: scopes.join(' '),
    refresh_token: refreshToken,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return { method: 'POST', url: realm, headers, body: Buffer.from(form.toString()) };
}

async function parseToken(
  answer: HttpAnswer,
  asked: number,
  concern: Concern,
  signal: AbortSignal,
): Promise<Token> {
  const body = await readAtMost(answer, answerLimit, concern, signal);
  const json = parseJson(body);
  const value = [json['token'], json['access_token']].find(isToken);
  if (value === undefined) {
    const message = `The token server ${answer.url.host} answered without a token`;
    throw new UnexpectedResponseError(message, { ...concern, status: answer.status });
  }
  const stated = json['expires_in'];
  const seconds = typeof stated === 'number' && stated > 0 ? stated : defaultLifetime;
  const lifetime = Math.min(seconds, maxLifetime) * 1000;
  // Given up a little early, so that it doesn't expire on its way.
  return { value, expires: asked + lifetime - Math.min(5000, lifetime / 2) };
}

function parseJson(body: Buffer | undefined): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(body?.toString('utf8') ?? '');
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** What may stand in a header as a token (RFC 6750, 2.1, and a little more). */
function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}
