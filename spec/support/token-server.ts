import { createHash, createPublicKey, createSign, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { run } from './run.js';
import { temporaryFolder } from './temporary-folder.js';

/** A request for a token. */
export interface TokenAsked {
  readonly method: string;
  /** The user, or `undefined` for a stranger. */
  readonly user: string | undefined;
  readonly scopes: readonly string[];
}

/** A server that signs tokens, which docker-registry verifies by its certificate. */
export interface TokenServer {
  /** docker-registry's `auth`, as YAML. */
  readonly config: string;
  /** All that it was asked for and has answered. */
  readonly asked: readonly TokenAsked[];
  /** Seconds that the tokens to come are valid. */
  lifetime: number;
  close(): Promise<void>;
}

/** Who gets in: strangers pull from `public/…`; the user does everything. */
export const tokenUser = {
  username: 'ali',
  password: 'open sesame & more',
  refreshToken: 'refresh-token-0123456789',
} as const;

const service = 'rxfer-registry';
const issuer = 'rxfer-tokens';

/** Starts one on a free loopback port, with a key and certificate of its own. */
export async function startTokenServer(): Promise<TokenServer> {
  const folder = temporaryFolder();
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=rxfer', '-days', '2'];
  const files = ['-keyout', key, '-out', cert];
  await run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, ...subject);
  const sign = signer(readFileSync(key, 'utf8'));
  const asked: TokenAsked[] = [];
  const state = { lifetime: 300 };
  const server = createServer((request, response) => {
    void answer(request).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  const answer = async (request: IncomingMessage): Promise<{ status: number; body: unknown }> => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const form = new URLSearchParams(await text(request));
    const { authorization } = request.headers;
    const isPost = request.method === 'POST';
    const user = isPost
      ? form.get('refresh_token') === tokenUser.refreshToken
      : authorization === undefined
        ? undefined
        : isUser(authorization);
    if (user === false) return { status: 401, body: { errors: [{ code: 'UNAUTHORIZED' }] } };
    const scopes = isPost ? (form.get('scope') ?? '').split(' ') : url.searchParams.getAll('scope');
    const name = user === true ? tokenUser.username : undefined;
    asked.push({ method: request.method ?? '', user: name, scopes });
    const token = sign(name, scopes.flatMap(accessOf(name)), state.lifetime);
    const body = { [isPost ? 'access_token' : 'token']: token, expires_in: state.lifetime };
    return { status: 200, body };
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return {
    config: `auth:
  token:
    realm: ${realm}
    service: ${service}
    issuer: ${issuer}
    rootcertbundle: ${cert}
`,
    asked,
    get lifetime() {
      return state.lifetime;
    },
    set lifetime(seconds) {
      state.lifetime = seconds;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function isUser(authorization: string): boolean {
  const pair = `${tokenUser.username}:${tokenUser.password}`;
  return authorization === `Basic ${Buffer.from(pair).toString('base64')}`;
}

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** What the user, or a stranger, may do of what a scope asks for. */
function accessOf(user: string | undefined): (scope: string) => Access[] {
  return (scope) => {
    const [, type = '', name = '', actions = ''] = /^(\w+):(.+):([\w,*]+)$/.exec(scope) ?? [];
    if (type === '') return [];
    const wanted = actions.split(',');
    if (user !== undefined) return [{ type, name, actions: wanted }];
    const allowed = name.startsWith('public/') ? wanted.filter((each) => each === 'pull') : [];
    return [{ type, name, actions: allowed }];
  };
}

/** Signs as the token specification has it, with libtrust's fingerprint of the key as its id. */
function signer(
  key: string,
): (user: string | undefined, access: readonly Access[], lifetime: number) => string {
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const fingerprint = base32(createHash('sha256').update(der).digest().subarray(0, 30));
  const kid = (fingerprint.match(/.{4}/g) ?? []).join(':');
  const header = { typ: 'JWT', alg: 'RS256', kid };
  return (user, access, lifetime) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      sub: user ?? '',
      aud: service,
      exp: now + lifetime,
      nbf: now - 5,
      iat: now,
      jti: randomUUID(),
      access,
    };
    const [head, body] = [header, claims].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    );
    const signed = `${head ?? ''}.${body ?? ''}`;
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key).toString('base64url')}`;
  };
}

function base32(bytes: Buffer): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return (bits.match(/.{5}/g) ?? []).map((five) => alphabet[parseInt(five, 2)] ?? '').join('');
}
