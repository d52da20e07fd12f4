import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { lastValueFrom } from 'rxjs';
import { createMemoryStore, createRxfer } from '../../src/index.js';
import { digestOf, parseReference, type Digest } from '../../src/oci/index.js';
import { sampleImage, type SampleImage } from '../../src/testing/index.js';
import { closeAll, listening, openClient } from '../support/loopback.js';
import { until } from '../support/until.js';

const layers = 30;
let image: SampleImage;
let host: string;
/** What the server of this spec has seen, and how many sockets are there now. */
let count: { opened: number; alive: number; requests: number };

beforeAll(async () => {
  const entries = Array.from({ length: layers }, (_, index) => [
    { name: `file-${index}`, size: 5000 },
  ]);
  image = await sampleImage({ layers: entries });
});
beforeEach(async () => {
  const own = { opened: 0, alive: 0, requests: 0 };
  count = own;
  const server: Server = createServer((request, response) => {
    own.requests++;
    const name = request.url?.split('/').at(-1) ?? '';
    const digest = (name === 'v1' ? image.descriptor.digest : name) as Digest;
    const manifest = image.manifests.get(digest);
    const bytes = manifest?.bytes ?? image.blobs.get(digest);
    if (manifest !== undefined) response.setHeader('content-type', manifest.mediaType);
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    own.opened++;
    own.alive++;
    socket.once('close', () => own.alive--);
  });
  host = await listening(server);
});
afterEach(closeAll);

describe('the sockets of a client', () => {
  it('serve again and again: one pull of many layers opens few', async () => {
    const registry = openClient();
    const rxfer = createRxfer({ store: createMemoryStore(), registry, concurrency: 3 });
    const event = await lastValueFrom(rxfer.pull(`${host}/app:v1`));
    expect(event).toMatchObject({ kind: 'result' });
    expect(count.requests).toBe(layers + 2);
    // Another may be opened while one is being given back.
    expect(count.opened).toBeLessThanOrEqual(2 * 3);
  });

  it('are one pool a host, whatever the repository', async () => {
    const registry = openClient();
    const { signal } = new AbortController();
    for (const path of ['one', 'two', 'three/four']) {
      await registry.manifest(parseReference(`${host}/${path}:v1`), signal);
      const missing = { mediaType: 'text/plain', digest: digestOf(path), size: 1 };
      const blob = registry.blob({ host, path }, missing, { offset: 0, signal });
      await expect(blob).rejects.toMatchObject({ status: 404 });
    }
    expect(count.requests).toBe(6);
    expect(count.opened).toBeLessThanOrEqual(2);
  });

  it('serve one request after the other, HEAD as well', async () => {
    const registry = openClient();
    const { signal } = new AbortController();
    const name = parseReference(`${host}/app:v1`);
    for (const layer of image.layers.slice(0, 3)) {
      await registry.manifest(name, signal);
      expect(await registry.has({ host, path: 'app' }, layer, signal)).toBe(true);
    }
    expect(count.requests).toBe(6);
    expect(count.opened).toBe(1);
  });

  it('are closed where a server has sent more than it should', async () => {
    let opened = 0;
    const server = createTcpServer((socket) => {
      opened++;
      socket.on('error', () => undefined);
      // A body after HEAD, of which the next request must not read anything.
      socket.on('data', (bytes) => {
        const head = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n';
        const isHead = bytes.toString().startsWith('HEAD');
        socket.write(`${head}${isHead ? '' : 'content-type: application/json\r\n'}\r\n{}`);
      });
    });
    const registry = openClient();
    const { signal } = new AbortController();
    const at = await listening(server);
    const blob = { mediaType: 'text/plain', digest: digestOf('{}'), size: 2 };
    for (let round = 0; round < 3; round++) {
      expect(await registry.has({ host: at, path: 'app' }, blob, signal)).toBe(true);
      const body = await registry.blob({ host: at, path: 'app' }, blob, { offset: 0, signal });
      expect(await text(body.stream)).toBe('{}');
    }
    expect(opened).toBeGreaterThan(1);
  });

  it('are closed with it, whether they are idle or under way', async () => {
    const registry = openClient();
    const { signal } = new AbortController();
    await registry.manifest(parseReference(`${host}/app:v1`), signal);
    expect(count.alive).toBeGreaterThan(0);
    const [layer] = image.layers;
    const body = await registry.blob({ host, path: 'app' }, layer!, { offset: 0, signal });
    body.stream.on('error', () => undefined);
    await registry.close();
    await until(() => count.alive === 0);
    await expect(registry.manifest(parseReference(`${host}/app:v1`), signal)).rejects.toMatchObject(
      { code: 'ERR_CLIENT_CLOSED' },
    );
    expect(count.alive).toBe(0);
  });
});
