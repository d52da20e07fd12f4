import { randomUUID, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Whom the test registry lets in. */
export type RegistryAuth =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** Tokens from the registry's own `/token`, for whoever has the password. */
  | { readonly kind: 'bearer'; readonly username: string; readonly password: string };

const tokenLifetime = 300;

/** Checks requests, and hands out tokens where they are what it takes. */
export class AuthGate {
  readonly #auth: RegistryAuth | undefined;
  readonly #tokens = new Set<string>();
  /** Tokens handed out so far. */
  issued = 0;

  constructor(auth: RegistryAuth | undefined) {
    this.#auth = auth;
  }

  /** Makes all tokens invalid that were handed out before. */
  revoke(): void {
    this.#tokens.clear();
  }

  /** Answers the request if it is for a token or isn't let in; tells whether it has. */
  take(request: IncomingMessage, response: ServerResponse, url: URL): boolean {
    const auth = this.#auth;
    if (auth === undefined) return false;
    if (auth.kind === 'bearer' && url.pathname === '/token') {
      this.#answerToken(request, response, auth);
      return true;
    }
    if (this.#letsIn(request, auth)) return false;
    const realm = `http://${request.headers.host ?? ''}/token`;
    const challenge =
      auth.kind === 'basic'
        ? 'Basic realm="rxfer"'
        : `Bearer realm="${realm}",service="rxfer",scope="${scopeOf(url, request.method)}"`;
    response.writeHead(401, {
      'content-type': 'application/json',
      'www-authenticate': challenge,
    });
    response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'not let in' }] }));
    return true;
  }

  #letsIn({ headers }: IncomingMessage, auth: RegistryAuth): boolean {
    const [scheme, value = ''] = (headers.authorization ?? '').split(' ');
    if (auth.kind === 'bearer') return scheme === 'Bearer' && this.#tokens.has(value);
    return scheme === 'Basic' && equal(value, basic(auth));
  }

  #answerToken({ headers }: IncomingMessage, response: ServerResponse, auth: RegistryAuth): void {
    const [scheme, value = ''] = (headers.authorization ?? '').split(' ');
    if (scheme !== 'Basic' || !equal(value, basic(auth))) {
      response.writeHead(401).end();
      return;
    }
    const token = randomUUID();
    this.#tokens.add(token);
    this.issued++;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ token, expires_in: tokenLifetime }));
  }
}

function basic({ username, password }: RegistryAuth): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

function equal(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function scopeOf(url: URL, method: string | undefined): string {
  const repository = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(url.pathname)?.[1];
  if (repository === undefined) return '';
  const actions = method === 'GET' || method === 'HEAD' ? 'pull' : 'pull,push';
  return `repository:${repository}:${actions}`;
}
