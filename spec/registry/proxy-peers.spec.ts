import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import {
  certificates,
  createRegistryClient,
  parseReference,
  ProxyError,
  type ProxySettings,
  type RegistryClientOptions,
} from '../../src/index.js';
import { isDoNotRetry } from '../../src/transfer/index.js';
import {
  sampleImage,
  startRegistry,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { startCli } from '../support/cli.js';
import type { Daemon } from '../support/daemon.js';
import { startTlsFront } from '../support/nginx.js';
import { describeWithPeers } from '../support/peers.js';
import { startSquid, startTinyproxy, type ProxyDaemon } from '../support/proxies.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { makeCertificates, type TestCertificates } from '../support/test-certificates.js';

const { signal } = new AbortController();
const user = { username: 'ali', password: 'open-sesame.42' };
const shownUser = 'ali:open%2Dsesame.42';
let registry: TestRegistry;
let image: SampleImage;

beforeAll(async () => {
  registry = await startRegistry();
  image = await sampleImage({ layers: [[{ name: 'file', size: 300_000 }]] });
  registry.addImage('app', 'v1', image);
});
afterAll(async () => {
  await registry.close();
  removeTemporaryFolders();
});

/** Asks for the manifest, of this machine's own registry through a proxy all the same. */
async function manifestOf(
  host: string,
  proxies: ProxySettings,
  options: RegistryClientOptions = {},
): Promise<unknown> {
  const client = createRegistryClient({ proxies, ...options });
  try {
    return await client.manifest(parseReference(`${host}/app:v1`), signal);
  } finally {
    await client.close();
  }
}

async function failureOf(work: Promise<unknown>): Promise<ProxyError> {
  const failure: unknown = await work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(ProxyError);
  const shown = inspect(failure, { depth: null, showHidden: true });
  const { username, password } = user;
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  for (const secret of [password, shownUser, basic]) expect(shown).not.toContain(secret);
  return failure as ProxyError;
}

async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}

describeWithPeers(['squid', 'nginx', 'openssl'], 'squid before a registry', () => {
  let squid: ProxyDaemon;
  let files: TestCertificates;
  let secure: Daemon & { host: string };
  let plainName: string;
  let secureName: string;

  beforeAll(async () => {
    files = await makeCertificates();
    squid = await startSquid(['registry.test', 'forbidden.test']);
    secure = await startTlsFront({ certificates: files, registry: registry.host });
    // Names that the proxy alone knows: whoever reaches them has gone through it.
    plainName = `registry.test:${registry.host.split(':')[1]}`;
    secureName = `registry.test:${secure.port}`;
  });
  afterAll(() => Promise.all([squid.stop(), secure.stop()]));

  const pull = async (
    reference: string,
    environment: Record<string, string>,
    ...args: string[]
  ) => {
    const store = temporaryFolder();
    const all = ['pull', reference, '--store', store, '--progress', 'none', ...args];
    return startCli(all, { SSL_CERT_FILE: files.ca, ...environment }).outcome;
  };

  it('is gone through by HTTPS_PROXY in a tunnel, and by HTTP_PROXY without one', async () => {
    const through = await pull(`${secureName}/app:v1`, { HTTPS_PROXY: `http://${squid.host}` });
    expect(through).toMatchObject({ code: 0, stderr: '' });
    expect(squid.log()).toMatch(new RegExp(`TCP_TUNNEL/200 .* CONNECT ${secureName} `));
    const plain = { HTTP_PROXY: squid.host };
    expect(await pull(`${plainName}/app:v1`, plain, '--plain-http')).toMatchObject({ code: 0 });
    expect(squid.log()).toContain(`GET http://${plainName}/v2/app/manifests/v1`);
    const layer = image.layers[0]?.digest ?? '';
    expect(squid.log()).toContain(`GET http://${plainName}/v2/app/blobs/${layer}`);
  });

  it('is not gone through for what NO_PROXY names, nor for this machine', async () => {
    const before = squid.log();
    const environment = { HTTPS_PROXY: `http://${squid.host}`, NO_PROXY: '.test,other' };
    const outcome = await pull(`${secureName}/app:v1`, environment);
    expect(outcome.stderr).toContain('There is no host registry.test');
    const all = { HTTPS_PROXY: squid.host, HTTP_PROXY: squid.host };
    expect(await pull(`${registry.host}/app:v1`, all)).toMatchObject({ code: 0 });
    expect(await pull(`${secure.host}/app:v1`, all, '--no-plain-http')).toMatchObject({ code: 0 });
    expect(squid.log()).toBe(before);
  });

  it('that refuses is told from a registry that does', async () => {
    const { port } = secure;
    const proxies = { httpProxy: squid.host, httpsProxy: squid.host };
    const expected = {
      code: 'ERR_PROXY',
      host: squid.host,
      message: expect.stringMatching(/refuses to lead to forbidden\.test:\d+ \(403\)/) as unknown,
      hint: expect.stringContaining('NO_PROXY') as unknown,
    };
    const tunnel = await failureOf(manifestOf(`forbidden.test:${port}`, proxies));
    expect(tunnel).toMatchObject(expected);
    const name = `forbidden.test:${port}`;
    const plain = await failureOf(manifestOf(name, proxies, { plainHttp: 'always' }));
    expect(plain).toMatchObject(expected);
    for (const each of [tunnel, plain]) expect(isDoNotRetry(each)).toBe(true);
    registry.inject({
      match: { path: /manifests/ },
      times: 1,
      fault: { kind: 'status', status: 403 },
    });
    const own = manifestOf(plainName, proxies, { plainHttp: 'always' });
    await expect(own).rejects.toMatchObject({ code: 'ERR_FORBIDDEN', host: plainName });
  });

  it('that finds no way is told as such, and may be tried again', async () => {
    const proxies = { httpProxy: squid.host, httpsProxy: squid.host };
    const closed = (await closedPort()).replace('127.0.0.1', 'registry.test');
    for (const plainHttp of ['always', 'never'] as const) {
      const failure = await failureOf(manifestOf(closed, proxies, { plainHttp }));
      expect(failure).toMatchObject({ code: 'ERR_PROXY', host: squid.host });
      expect(failure.message).toContain(`can't reach ${closed} (50`);
      expect(isDoNotRetry(failure)).toBe(false);
    }
  });

  it('doesn’t stand for the certificate of who is behind it', async () => {
    const proxies = { httpsProxy: squid.host };
    await expect(manifestOf(secureName, proxies)).rejects.toMatchObject({
      code: 'ERR_TLS',
      host: secureName,
    });
    const folder = temporaryFolder();
    mkdirSync(join(folder, secureName));
    writeFileSync(join(folder, secureName, 'ca.crt'), readFileSync(files.ca, 'utf8'));
    const tls = certificates({ folders: [folder] });
    expect(await manifestOf(secureName, proxies, { tls })).toMatchObject({
      descriptor: { digest: image.descriptor.digest },
    });
  });

  it('is the way to one host alone where hosts.toml says so, whatever NO_PROXY says', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'example.test'));
    writeFileSync(
      join(folder, 'example.test', 'hosts.toml'),
      `[host."http://${plainName}"]\nproxy = "http://${squid.host}"`,
    );
    const options = { hostsFolder: folder };
    expect(await manifestOf('example.test', { noProxy: '*' }, options)).toMatchObject({
      descriptor: { digest: image.descriptor.digest },
    });
    expect(squid.log()).toContain(`GET http://${plainName}/v2/app/manifests/v1?ns=example.test`);
  });
});

describeWithPeers(['tinyproxy', 'nginx', 'openssl'], 'tinyproxy with a login', () => {
  let proxy: ProxyDaemon;
  let files: TestCertificates;
  let secure: Daemon & { host: string };

  beforeAll(async () => {
    files = await makeCertificates();
    proxy = await startTinyproxy(user);
    secure = await startTlsFront({ certificates: files, registry: registry.host });
  });
  afterAll(() => Promise.all([proxy.stop(), secure.stop()]));

  const through = (host: string, access: string): Promise<unknown> => {
    const address = `http://${access}${proxy.host}`;
    const ca = [readFileSync(files.ca, 'utf8')];
    const options: RegistryClientOptions = { tls: () => Promise.resolve({ ca }) };
    const isSecure = host === secure.host;
    return manifestOf(
      host,
      { httpProxy: address, httpsProxy: address },
      isSecure ? { ...options, plainHttp: 'never' } : {},
    );
  };

  it.each(['plain', 'secure'])('leads to a %s registry whoever shows it', async (kind) => {
    const host = kind === 'plain' ? registry.host : secure.host;
    expect(await through(host, `${shownUser}@`)).toMatchObject({
      descriptor: { digest: image.descriptor.digest },
    });
    const headers = registry.requests.at(-1)?.headers;
    expect(headers).not.toHaveProperty('proxy-authorization');
    const wrong = await failureOf(through(host, 'ali:wrong@'));
    expect(wrong).toMatchObject({
      code: 'ERR_PROXY',
      host: proxy.host,
      message: expect.stringContaining('refuses the credentials') as unknown,
    });
    const none = await failureOf(through(host, ''));
    expect(none).toMatchObject({
      message: expect.stringContaining('wants credentials') as unknown,
      hint: expect.stringContaining('USER:PASSWORD') as unknown,
    });
    expect(isDoNotRetry(none)).toBe(true);
  });
});

describe('a proxy', () => {
  it.each(['always', 'never'] as const)(
    'that isn’t there is named, with plain HTTP: %s',
    async (plainHttp) => {
      const nobody = await closedPort();
      const proxies = { httpProxy: nobody, httpsProxy: `http://${shownUser}@${nobody}` };
      const failure = await failureOf(manifestOf('registry.test', proxies, { plainHttp }));
      expect(failure).toMatchObject({
        code: 'ERR_PROXY',
        host: nobody,
        message: `The proxy ${nobody} on the way to registry.test can't be reached (ECONNREFUSED)`,
      });
      expect(isDoNotRetry(failure)).toBe(false);
    },
  );

  it('that says nothing is left after the time for connections', async () => {
    const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const host = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    try {
      const options = { connectTimeout: 500 };
      const failure = await failureOf(manifestOf('registry.test', { httpsProxy: host }, options));
      expect(failure).toMatchObject({ code: 'ERR_PROXY', host });
    } finally {
      silent.close();
      await once(silent, 'close');
    }
  });

  it.each(['http://ali:100%@proxy.test', 'http://a%lice:x@proxy.test'])(
    'with a %% that is no code is refused at the door: %s',
    async (httpsProxy) => {
      expect(() => createRegistryClient({ proxies: { httpsProxy } })).toThrow(
        expect.objectContaining({
          code: 'ERR_INVALID_CLIENT_OPTION',
          message: expect.stringContaining('%25') as unknown,
        }) as Error,
      );
      const { code, stderr } = await startCli(['pull', 'registry.test/app'], {
        HTTPS_PROXY: httpsProxy,
      }).outcome;
      expect(code).toBe(1);
      expect(stderr).toContain('HTTPS_PROXY');
      expect(stderr).not.toContain('100%');
      expect(stderr).not.toContain('lice');
    },
  );
});
