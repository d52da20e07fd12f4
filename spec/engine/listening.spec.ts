import { once } from 'node:events';
import { linkSync, lstatSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { json, text } from 'node:stream/consumers';
import { parseListenAddress } from '../../src/engine/address.js';
import { checkAccess } from '../../src/engine/access.js';
import { listenOnSocket } from '../../src/engine/unix-socket.js';
import { startEngine, type RunningEngine } from '../support/engine.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

afterAll(removeTemporaryFolders);

const socketPath = (): string => join(temporaryFolder(), 'engine.sock');

describe('a socket', () => {
  it('is for its user alone, and goes with the engine', async () => {
    const file = socketPath();
    const running = await startEngine(`unix:${file}`);
    expect(running.host).toBe(`unix://${file}`);
    expect(lstatSync(file).mode & 0o777).toBe(0o600);
    await running.close();
    expect(readdirSync(dirname(file))).toEqual([]);
  });

  it('is never at its place with another mode', async () => {
    const file = socketPath();
    const modes = new Set<number>();
    const watched = new AbortController();
    const watching = (async () => {
      while (!watched.signal.aborted) {
        try {
          modes.add(lstatSync(file).mode & 0o777);
        } catch {
          modes.add(0o600);
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let count = 0; count < 20; count++) {
      const server = createServer();
      const remove = await listenOnSocket(server, file);
      server.close();
      await once(server, 'close');
      await remove();
    }
    watched.abort();
    await watching;
    expect([...modes]).toEqual([0o600]);
  });

  it('of a dead server is replaced, that of a living one is not', async () => {
    const file = socketPath();
    const dead = createServer().listen(`${file}.made`);
    await once(dead, 'listening');
    // What is left when a server is killed: the file, at another name than the one it removes.

    linkSync(`${file}.made`, file);
    dead.close();
    await once(dead, 'close');
    expect(lstatSync(file).isSocket()).toBe(true);

    const first = await startEngine(`unix:${file}`);
    await expect(startEngineAt(file)).rejects.toMatchObject({
      code: 'ERR_LISTEN',
      message: expect.stringContaining('another server listens there') as string,
    });
    const socket = connect(file);
    await once(socket, 'connect');
    socket.destroy();
    await first.close();
    expect(readdirSync(dirname(file))).toEqual([]);
  });

  it('is had by one alone of several that begin at once', async () => {
    const file = socketPath();
    const servers = [1, 2, 3, 4].map(() => createServer());
    const outcomes = await Promise.allSettled(servers.map((one) => listenOnSocket(one, file)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const server of servers) if (server.listening) server.close();
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') await outcome.value();
    expect(readdirSync(dirname(file))).toEqual([]);
  });

  it('takes no place of something else', async () => {
    const file = socketPath();
    writeFileSync(file, 'mine');
    await expect(startEngineAt(file)).rejects.toThrow(/it is there and no socket/);
    rmSync(file);
    await expect(startEngineAt(join(file, 'none', 's'))).rejects.toThrow(/its folder is not there/);
    await expect(startEngineAt(`${file}${'x'.repeat(200)}/s`)).rejects.toThrow(
      /not there|too long/,
    );
  });

  async function startEngineAt(file: string): Promise<void> {
    const server = createServer();
    await (
      await listenOnSocket(server, file)
    )();
  }
});

describe('an address', () => {
  it.each([
    ['unix:/run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
    ['unix:///run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
    ['tcp:127.0.0.1:2375', { kind: 'tcp', host: '127.0.0.1', port: 2375 }],
    ['tcp://[::1]:0', { kind: 'tcp', host: '::1', port: 0 }],
  ])('%s is read', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
  });

  it.each(['', 'tcp:', 'tcp:127.0.0.1', 'tcp:127.0.0.1:99999', 'http://a:1', 'unix:'])(
    '%p is refused',
    (text) => {
      expect(() => parseListenAddress(text)).toThrow(/is no address to listen on/);
    },
  );

  it.each(['tcp:0.0.0.0:0', 'tcp:[::]:0', 'tcp:192.0.2.1:0'])(
    '%s is refused unless it is allowed, since others can reach it',
    async (address) => {
      await expect(startEngine(address)).rejects.toThrow(/others could reach it/);
    },
  );
});

describe('a tcp address', () => {
  let running: RunningEngine;
  beforeAll(async () => (running = await startEngine('tcp:127.0.0.1:0')));
  afterAll(() => running.close());

  async function ask(
    method: string,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: unknown }> {
    const url = running.host.replace('tcp:', 'http:') + path;
    const sent = request(url, { method, headers, agent: false }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const type = response.headers['content-type'] ?? '';
    const body = type === 'application/json' ? await json(response) : await text(response);
    return { status: response.statusCode, headers: response.headers, body };
  }

  it('answers programs', async () => {
    expect(await ask('GET', '/_ping')).toMatchObject({
      status: 200,
      headers: { 'api-version': '1.44', ostype: 'linux' },
    });
    expect(await ask('HEAD', '/v1.40/_ping')).toMatchObject({ status: 200 });
  });

  it.each([
    ['another name, as of DNS rebinding', { host: 'evil.example' }, 403],
    ['another name with the port', { host: 'evil.example:2375' }, 403],
    ['localhost', { host: 'localhost:1' }, 200],
    ['a page of another origin', { origin: 'http://evil.example' }, 403],
    ['a page without an origin', { origin: 'null' }, 403],
    ['a link of another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a page of another port', { 'sec-fetch-site': 'same-site' }, 403],
  ])('a request by %s', async (_name, headers, status) => {
    for (const [method, path] of [
      ['GET', '/version'],
      ['POST', '/images/create?fromImage=none'],
    ] as const) {
      const answer = await ask(method, path, headers);
      // Who is let in asks for an image that a registry would have to have.
      if (status === 403 || method === 'GET') expect(answer.status).toBe(status);
      if (status === 403) expect(answer.body).toHaveProperty('message');
      if (status === 200) break;
    }
  });

  it.each([
    ['GET', '/none', 404, /^rxfer has no GET \/none$/],
    ['GET', '/v1.41/containers/json', 501, /^rxfer moves images and has no containers$/],
    ['GET', '/containers/a/b@c/json', 404, /^No such container: a\/b@c$/],
    ['GET', '/networks/%zz', 400, /is not a valid url component$/],
    ['POST', '/containers/create', 501, /^rxfer moves images and has no containers$/],
    ['POST', '/v1.44/build', 501, /^rxfer moves images and makes none$/],
    ['POST', '/images/create?fromSrc=-', 501, /^rxfer moves images and makes none$/],
    ['GET', '/images/search?term=a', 501, /^rxfer searches no registry$/],
    ['GET', '/images/%zz/json', 400, /is not a valid url component$/],
    ['GET', '/images/json?filters={"dangling":["maybe"]}', 400, /^invalid filter 'dangling'$/],
    ['GET', '/images/json?filters={"until":["maybe"]}', 400, /^'maybe' is no time$/],
    ['POST', '/images/prune?filters={"reference":["a"]}', 400, /^invalid filter 'reference'$/],
    ['POST', '/auth', 400, /^request: /],
    ['GET', '/v9.99/images/json', 400, /^client version 9.99 is too new/],
    ['GET', '/v1.1/images/json', 400, /^client version 1.1 is too old/],
    ['GET', '/images/json?filters=no', 400, /^The filters are malformed$/],
    ['GET', '/images/json?filters={"x":["y"]}', 400, /^invalid filter 'x'$/],
    ['GET', '/images/none/json', 404, /^There is no image none/],
    ['GET', '/images/a/b/c:v1/json', 404, /^There is no image a\/b\/c:v1/],
    ['GET', '/images/a%2Fb/history', 404, /^There is no image a\/b/],
    ['GET', '/images/get', 400, /^names: /],
    ['GET', '/images/none/get', 404, /^There is no image none/],
    ['GET', '/events?since=yesterday', 400, /is no time$/],
    ['POST', '/images/create', 400, /^There is no image to be pulled$/],
    ['POST', '/images/create?fromImage=UPPER', 400, /is not a repository/],
    ['POST', '/images/create?fromImage=a&platform=x', 400, /is not a platform/],
    ['POST', '/images/none/push', 404, /^There is no image/],
    ['POST', '/images/none/tag', 400, /^repo: /],
    ['POST', '/images/none/tag?repo=a', 404, /^There is no image none/],
    ['DELETE', '/images/none?force=perhaps', 400, /^force: /],
    ['POST', '/images/load', 400, /^The archive can't be used: /],
  ])('%s %s is answered with %d', async (method, path, status, message) => {
    const answer = await ask(method, encodeURI(path).replace(/%25/g, '%'));
    expect(answer).toMatchObject({ status, headers: { 'content-type': 'application/json' } });
    expect((answer.body as { message: string }).message).toMatch(message);
  });

  it('refuses a malformed login, without telling it', async () => {
    const auth = { 'x-registry-auth': Buffer.from('secret').toString('base64') };
    const answer = await ask('POST', '/images/create?fromImage=a', auth);
    expect(answer).toMatchObject({
      status: 400,
      body: { message: 'The header X-Registry-Auth is malformed' },
    });
  });
});

it('over the network, an engine goes by addresses and not by names', () => {
  const address = parseListenAddress('tcp:0.0.0.0:2375');
  const check = (host: string) => () => checkAccess({ host }, address);
  expect(check('192.0.2.7:2375')).not.toThrow();
  expect(check('[2001:db8::1]:2375')).not.toThrow();
  expect(check('evil.example:2375')).toThrow(/not a name of this engine/);
});
