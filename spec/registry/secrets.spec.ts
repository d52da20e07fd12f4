import { once } from 'node:events';
import * as http from 'node:http';
import * as net from 'node:net';
import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { digestOf, mediaTypes, parseReference } from '../../src/oci/index.js';
import { createRegistryClient, type RegistryClient } from '../../src/registry/index.js';

const password = 'correct-horse-battery';
const basic = Buffer.from(`ali:${password}`).toString('base64');
const { signal } = new AbortController();
const bytes = Buffer.from('the bytes of a layer');
const blob = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(bytes), size: bytes.length };
const challenge = 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="r"\r\n';

let client: RegistryClient;
const servers: net.Server[] = [];

beforeEach(() => {
  client = createRegistryClient({
    credentials: () => Promise.resolve({ kind: 'basic', username: 'ali', password }),
  });
});
afterEach(async () => {
  await client.close();
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

async function listening(server: net.Server): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

/** A server that asks for a login, and answers whoever shows one with `answer` of the request. */
function rawServer(answer: (request: string) => string): net.Server {
  return net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      const request = data.toString();
      if (request.includes('authorization:')) socket.end(answer(request));
      else socket.end(`${challenge}Content-Length: 0\r\nConnection: close\r\n\r\n`);
    });
  });
}

function expectNoSecret(value: unknown): void {
  const shown = inspect(value, { depth: null, showHidden: true, maxStringLength: null });
  expect(shown).not.toContain(password);
  expect(shown).not.toContain(basic);
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error,
  );
}

describe('what a server echoes of a login', () => {
  it.each([
    ['in what is no HTTP', (request: string) => `NONSENSE ${request}`],
    ['in a header that is none', (request: string) => `HTTP/1.1 200 OK\r\n${request}`],
    [
      'in an error of its own',
      (request: string) => {
        const errors = [{ code: 'DENIED', message: `not with ${request}` }];
        const body = JSON.stringify({ errors });
        return `HTTP/1.1 403 Forbidden\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
      },
    ],
  ])('%s is in no error, nor in its causes', async (_, answer) => {
    const host = await listening(rawServer(answer));
    const reference = parseReference(`${host}/app:v1`);
    expectNoSecret(await failureOf(client.manifest(reference, signal)));
  });
});

describe('a redirect to another host', () => {
  it('is followed without the login', async () => {
    const seen: http.IncomingHttpHeaders[] = [];
    const other = await listening(
      http.createServer((request, response) => {
        seen.push(request.headers);
        response.end(bytes);
      }),
    );
    const host = await listening(
      http.createServer((request, response) => {
        if (request.headers.authorization === undefined) {
          response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
        } else {
          response.writeHead(307, { location: `http://${other}/elsewhere` }).end();
        }
      }),
    );
    const body = await client.blob({ host, path: 'app' }, blob, { offset: 0, signal });
    expect(bytes.equals(await buffer(body.stream))).toBe(true);
    expect(seen).toHaveLength(1);
    expect(seen[0]).not.toHaveProperty('authorization');
    expectNoSecret(seen);
  });
});
