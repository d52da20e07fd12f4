import { mkdirSync, readdirSync, readFileSync, writeFileSync, chmodSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { lastValueFrom, tap } from 'rxjs';
import { createMemoryStore, createRxfer, type RxferError } from '../../src/index.js';
import type { Credential, RegistryClientOptions } from '../../src/registry/index.js';
import { sampleImage, type SampleImage, type TestRegistry } from '../../src/testing/index.js';
import { jsonLines } from '../guide/examples/log-lines.js';
import { startCli, type CliOutcome, type RunningCli } from '../support/cli.js';
import {
  closeAll,
  closedPort,
  listening,
  openClient,
  openRegistry,
  serve,
} from '../support/loopback.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const username = 'ali';
const password = 'open/sesame+& 100% "so"';
const secrets = {
  password,
  identity: 'identity-token/0123456789+=',
  bearer: 'bearer-token.abcdefghijklmnop',
  proxy: 'proxy/word+%&',
  header: 'api-key-of-hosts-toml',
  cookie: 'session-of-hosts-toml',
  signature: 'signature-in-a-redirect',
  echo: 'cookie-of-the-server',
};
const proxyLogin = `ali:${encodeURIComponent(secrets.proxy)}`;

afterEach(closeAll);
afterAll(removeTemporaryFolders);

/** All forms in which a secret could come to light. */
function formsOf(secret: string): string[] {
  const coded = [secret, `${username}:${secret}`].map((text) => Buffer.from(text));
  return [
    secret,
    encodeURIComponent(secret),
    encodeURI(secret),
    new URLSearchParams({ a: secret }).toString().slice(2),
    JSON.stringify(secret).slice(1, -1),
    ...coded.flatMap((bytes) => [bytes.toString('base64'), bytes.toString('base64url')]),
  ];
}

const forms = [...new Set(Object.values(secrets).flatMap(formsOf))];

function expectNoSecret(shown: string): void {
  for (const form of forms) expect(shown).not.toContain(form);
}

/** A registry that wants a login for all it has, and shows whoever asks what it was shown. */
interface Hostile {
  /** How it answers those who are let in; default: a redirect to `other`. */
  readonly registry?: (request: IncomingMessage, response: ServerResponse) => void;
  /** How its token server answers; default: with a token. */
  readonly tokens?: (request: IncomingMessage, response: ServerResponse) => void;
  readonly other?: (request: IncomingMessage, response: ServerResponse) => void;
}

/** What it was shown, as a server that logs too much tells it. */
function echoOf({ method, url, headers }: IncomingMessage): string {
  return `${method} ${url} ${Object.entries(headers).map(String).join('; ')}`;
}

function echoing(status: number, shape: 'error' | 'plain' | 'token' = 'error') {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const message = echoOf(request);
    const error = { code: message.slice(0, 200), message, detail: message };
    const bodies = {
      error: JSON.stringify({ errors: [error], error: message, error_description: message }),
      plain: message,
      token: JSON.stringify({ token: `${message}\n`, access_token: [message] }),
    };
    response.writeHead(status, {
      'x-echo': encodeURIComponent(message),
      'set-cookie': `session=${secrets.echo}`,
      'content-type': 'application/vnd.oci.image.manifest.v1+json',
    });
    response.end(bodies[shape]);
  };
}

async function hostile(kind: Hostile): Promise<{ host: string; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const elsewhere = await serve((request, response) => {
    seen.push(request.headers);
    (kind.other ?? echoing(403))(request, response);
  });
  const host = await serve((request, response) => {
    const { authorization = '' } = request.headers;
    if (request.url?.startsWith('/token') === true) {
      const issue = (): unknown => response.end(JSON.stringify({ token: secrets.bearer }));
      // Strangers get a token that opens nothing.
      if (authorization === '' && request.method === 'GET') {
        response.end(JSON.stringify({ token: 'stranger' }));
      } else if (kind.tokens === undefined) issue();
      else kind.tokens(request, response);
      return;
    }
    if (authorization === `Bearer ${secrets.bearer}`) {
      const location = `http://${elsewhere}/blob?X-Signature=${secrets.signature}`;
      const redirect = (): unknown => response.writeHead(307, { location }).end();
      if (kind.registry === undefined) redirect();
      else kind.registry(request, response);
      return;
    }
    const realm = `Bearer realm="http://${request.headers.host}/token",service="r"`;
    response.writeHead(401, { 'www-authenticate': realm, 'set-cookie': `session=${secrets.echo}` });
    response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: echoOf(request) }] }));
  });
  return { host, seen };
}

/** Echoes what it was shown, to who asks for a tunnel as well. */
function refusingProxy(): Promise<string> {
  return listening(
    createServer((socket) => {
      socket.once('data', (data) => {
        const headers = `Content-Length: ${data.length}\r\nConnection: close\r\nX-Echo: ${secrets.echo}`;
        socket.end(
          `HTTP/1.1 407 Proxy Authentication Required\r\n${headers}\r\n\r\n${data.toString()}`,
        );
      });
    }),
  );
}

const user: Credential = { kind: 'basic', username, password };

/** All that a pull shows: its events, its log, and its error with all its causes. */
async function pulled(
  host: string,
  options: RegistryClientOptions = {},
): Promise<{ shown: string; error: RxferError | undefined }> {
  const lines: string[] = [];
  const logger = jsonLines('trace', (line) => lines.push(line));
  const registry = openClient({ credentials: () => Promise.resolve(user), logger, ...options });
  const rxfer = createRxfer({
    store: createMemoryStore(),
    registry,
    logger,
    maxAttempts: 2,
    delay: () => 1,
  });
  const events: unknown[] = [];
  const work$ = rxfer.pull(`${host}/app:v1`).pipe(tap((event) => events.push(event)));
  const error = await lastValueFrom(work$).then(
    () => undefined,
    (failure: unknown) => failure as RxferError,
  );
  expect(lines).not.toEqual([]);
  const all = [lines, events, error, error?.stack, error?.cause, registry];
  const deep = { depth: null, showHidden: true, maxStringLength: null, maxArrayLength: null };
  const shown = `${inspect(all, deep)}\n${JSON.stringify([events, error])}\n${String(error)}`;
  return { shown, error };
}

/** By what it is called, who fails, and with which code. */
const failures: [string, Hostile, string][] = [
  ['401', { registry: echoing(401) }, 'ERR_UNAUTHORIZED'],
  ['403', { registry: echoing(403) }, 'ERR_FORBIDDEN'],
  ['404', { registry: echoing(404) }, 'ERR_NOT_FOUND'],
  ['429', { registry: echoing(429) }, 'ERR_RATE_LIMITED'],
  ['500', { registry: echoing(500) }, 'ERR_REGISTRY_UNAVAILABLE'],
  ['418', { registry: echoing(418) }, 'ERR_UNEXPECTED_RESPONSE'],
  ['a manifest that is none', { registry: echoing(200, 'plain') }, 'ERR_INVALID_MANIFEST'],
  ['a refusal after a redirect', { other: echoing(403) }, 'ERR_FORBIDDEN'],
  ['a failure after a redirect', { other: echoing(502) }, 'ERR_REGISTRY_UNAVAILABLE'],
  ['a token server’s 401', { tokens: echoing(401) }, 'ERR_UNAUTHORIZED'],
  ['a token server’s 403', { tokens: echoing(403) }, 'ERR_UNAUTHORIZED'],
  ['a token server’s 400', { tokens: echoing(400) }, 'ERR_UNEXPECTED_RESPONSE'],
  ['a token server’s 500', { tokens: echoing(500) }, 'ERR_REGISTRY_UNAVAILABLE'],
  ['a token that is none', { tokens: echoing(200, 'token') }, 'ERR_UNEXPECTED_RESPONSE'],
  ['a token server without JSON', { tokens: echoing(200, 'plain') }, 'ERR_UNEXPECTED_RESPONSE'],
  [
    'a token server that redirects',
    { tokens: (_, response) => response.writeHead(302, { location: '/elsewhere' }).end() },
    'ERR_UNEXPECTED_RESPONSE',
  ],
  ['a broken connection', { registry: (request) => request.destroy() }, 'ERR_CONNECTION'],
];

describe('no secret is seen in the events and errors of a pull', () => {
  it.each(failures)('that ends in %s', async (_, kind, code) => {
    const { host, seen } = await hostile(kind);
    for (const credential of [user, { kind: 'identity', token: secrets.identity } as const]) {
      const credentials = () => Promise.resolve(credential);
      const { shown, error } = await pulled(host, { credentials });
      expect(error?.code).toBe(code);
      expectNoSecret(shown);
    }
    for (const headers of seen) {
      expect(headers).not.toHaveProperty('authorization');
      expect(headers).not.toHaveProperty('cookie');
    }
  });

  it('that takes too long', async () => {
    const { host } = await hostile({ registry: () => undefined });
    const { shown, error } = await pulled(host, { headersTimeout: 200 });
    expect(error?.code).toBe('ERR_TIMEOUT');
    expectNoSecret(shown);
  });

  it('that finds no secure connection', async () => {
    const { host } = await hostile({});
    const { shown, error } = await pulled(host, { plainHttp: 'never' });
    expect(error?.code).toBe('ERR_TLS');
    expectNoSecret(shown);
  });

  it('that a proxy refuses, or that finds none', async () => {
    const proxy = await refusingProxy();
    for (const host of [proxy, await closedPort()]) {
      const proxies = {
        httpProxy: `http://${proxyLogin}@${host}`,
        httpsProxy: `http://${proxyLogin}@${host}`,
      };
      for (const plainHttp of ['always', 'never'] as const) {
        const { shown, error } = await pulled('registry.test', { proxies, plainHttp });
        expect(error).toMatchObject({ code: 'ERR_PROXY', host });
        expectNoSecret(shown);
      }
    }
  });

  it('that shows headers of a hosts.toml, which no other host sees', async () => {
    const { host, seen } = await hostile({ other: echoing(500) });
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'registry.test'));
    const header = `x-api-key = "${secrets.header}"\ncookie = "session=${secrets.cookie}"`;
    writeFileSync(
      join(folder, 'registry.test', 'hosts.toml'),
      `server = "http://${host}"\n[header]\n${header}\n`,
    );
    for (const at of [host, await serve(echoing(403)), await serve(echoing(500))]) {
      const file = join(folder, 'registry.test', 'hosts.toml');
      writeFileSync(file, `server = "http://${at}"\n[header]\n${header}\n`);
      const { shown, error } = await pulled('registry.test', { hostsFolder: folder });
      expect(error).toBeDefined();
      expectNoSecret(shown);
    }
    expect(seen).not.toHaveLength(0);
    const headers = inspect(seen);
    for (const secret of [secrets.header, secrets.cookie, secrets.bearer]) {
      expect(headers).not.toContain(secret);
    }
  });
});

/** A run that tells all that it does. */
function loggedCli(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  input?: string,
): RunningCli {
  return startCli(args, { RXFER_LOG_LEVEL: 'debug', ...environment }, input);
}

describe('no secret is seen in what the command line prints', () => {
  let registry: TestRegistry;
  let image: SampleImage;

  beforeAll(async () => {
    image = await sampleImage({ layers: [[{ name: 'file', size: 1000 }]] });
  });
  beforeEach(async () => {
    registry = await openRegistry({ auth: { kind: 'bearer', username, password } });
    registry.addImage('app', 'v1', image);
  });

  const auths = (...hosts: string[]): string => {
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    return JSON.stringify({ auths: Object.fromEntries(hosts.map((host) => [host, { auth }])) });
  };
  const expectClean = ({ stdout, stderr }: CliOutcome): void => expectNoSecret(stdout + stderr);

  it.each([
    ['plain', 'text', '.html'],
    ['json', 'json', '.json'],
    ['docker', 'text', '.svg'],
  ])('of moves that succeed, with --progress %s', async (progress, format, ending) => {
    const folder = temporaryFolder();
    const timeline = join(folder, `timeline${ending}`);
    const home = { DOCKER_AUTH_CONFIG: auths(registry.host) };
    const run = (...args: string[]): Promise<CliOutcome> => {
      const all = ['--store', folder + '/store', '--progress', progress, '--format', format];
      return loggedCli([...args, ...all, '--timeline', timeline, '--debug'], home).outcome;
    };
    for (const args of [
      ['pull', `${registry.host}/app:v1`],
      ['copy', `store:${registry.host}/app:v1`, `${registry.host}/copy:v1`],
    ]) {
      const outcome = await run(...args);
      expect(outcome).toMatchObject({ code: 0 });
      expect(outcome.stderr).toMatch(/debug.*HTTP request/);
      expectClean(outcome);
      expectNoSecret(readFileSync(timeline, 'utf8'));
    }
    for (const token of registry.requests.flatMap(({ authorization = '' }) => authorization)) {
      expect(readFileSync(timeline, 'utf8')).not.toContain(token.slice(7) || 'nothing');
    }
  });

  it('of moves that fail, with --debug', async () => {
    const immediate = failures.filter(([, , code]) => !/UNAVAILABLE|RATE|CONNECTION/.test(code));
    const modes = ['plain', 'json', 'docker'];
    for (const [index, [name, kind]] of immediate.entries()) {
      const { host, seen } = await hostile(kind);
      const progress = modes[index % modes.length] ?? 'plain';
      const args = ['pull', `${host}/app:v1`, '--store', temporaryFolder(), '--debug'];
      const environment = { DOCKER_AUTH_CONFIG: auths(host) };
      const outcome = await loggedCli([...args, '--progress', progress], environment).outcome;
      expect({ name, code: outcome.code }).toEqual({ name, code: 1 });
      expectClean(outcome);
      expect(inspect(seen)).not.toMatch(/authorization|cookie/);
    }
  }, 120_000);

  it('of logins, whether or not they are taken', async () => {
    for (const kind of [{}, { tokens: echoing(401) }, { registry: echoing(403) }]) {
      const { host } = await hostile(kind);
      for (const target of [host, registry.host]) {
        const folder = temporaryFolder();
        const args = ['login', target, '-u', username, '--password-stdin', '--debug'];
        const environment = { DOCKER_CONFIG: folder };
        const outcome = await loggedCli(args, environment, `${password}\n`).outcome;
        expectClean(outcome);
        expect(readdirSync(folder).filter((file) => file !== 'config.json')).toEqual([]);
      }
    }
  }, 60_000);

  it('of a credential helper that fails, or that makes no sense', async () => {
    for (const script of [
      `echo '${secrets.identity}'; echo '${secrets.identity}' >&2; exit 1`,
      `echo '{"Username": "ali", "Secret": ["${secrets.identity}"]}'`,
      `echo '${secrets.identity}'`,
    ]) {
      const folder = temporaryFolder();
      const program = join(folder, 'docker-credential-leaky');
      writeFileSync(program, `#!/bin/sh\n${script}\n`);
      chmodSync(program, 0o755);
      const outcome = await loggedCli(['pull', `${registry.host}/app:v1`, '--debug'], {
        PATH: `${folder}:${process.env['PATH'] ?? ''}`,
        DOCKER_AUTH_CONFIG: JSON.stringify({ credsStore: 'leaky' }),
      }).outcome;
      expect(outcome).toMatchObject({ code: 1 });
      expect(outcome.stderr).toContain('docker-credential-leaky failed');
      expectClean(outcome);
    }
  }, 60_000);

  it('of files of credentials that are damaged', async () => {
    for (const text of [auths(registry.host).slice(0, -3), `{"auths": "${secrets.identity}"}`]) {
      const outcome = await loggedCli(['pull', `${registry.host}/app:v1`, '--debug'], {
        DOCKER_AUTH_CONFIG: text,
      }).outcome;
      expect(outcome).toMatchObject({ code: 1 });
      expect(outcome.stderr).toContain('DOCKER_AUTH_CONFIG');
      expectClean(outcome);
    }
  }, 60_000);

  it('of a proxy that refuses', async () => {
    const proxy = await refusingProxy();
    const outcome = await loggedCli(['pull', 'registry.test/app:v1', '--debug'], {
      HTTPS_PROXY: `http://${proxyLogin}@${proxy}`,
    }).outcome;
    expect(outcome).toMatchObject({ code: 1 });
    expect(outcome.stderr).toContain(`The proxy ${proxy} refuses the credentials`);
    expectClean(outcome);
  });
});
