import { once } from 'node:events';
import { createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { lastValueFrom } from 'rxjs';
import { createMemoryStore, createRxfer, type RegistryClientOptions } from '../../src/index.js';
import { digestOf, mediaTypes, parseReference } from '../../src/oci/index.js';
import { sampleImage, type SampleImage } from '../../src/testing/index.js';
import { closeAll, listening, openClient, openRegistry, serve } from '../support/loopback.js';

const { signal } = new AbortController();
const empty = { mediaType: mediaTypes.ociEmpty, digest: digestOf('{}'), size: 2 };
const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: empty, layers: [] };
const manifest = Buffer.from(JSON.stringify(document));
let image: SampleImage;

beforeAll(async () => {
  image = await sampleImage({ layers: [[{ name: 'data', size: 200_000 }]] });
});
afterEach(closeAll);

function manifestAt(host: string): Promise<unknown> {
  return openClient().manifest(parseReference(`${host}/app:v1`), signal);
}

/** Answers whatever it is asked with these very bytes. */
function answering(bytes: string): Promise<string> {
  const server = createTcpServer(
    (socket) => void once(socket, 'data').then(() => socket.end(bytes)),
  );
  return listening(server);
}

describe('an answer', () => {
  const type = `content-type: ${mediaTypes.ociManifest}\r\n`;

  it.each([
    ['two lengths', `content-length: ${manifest.length}\r\ncontent-length: 300\r\n`],
    ['a length and chunks', `content-length: ${manifest.length}\r\ntransfer-encoding: chunked\r\n`],
  ])('with %s is refused, and not asked for again', async (_, headers) => {
    const host = await answering(`HTTP/1.1 200 OK\r\n${type}${headers}\r\n${manifest.toString()}`);
    await expect(manifestAt(host)).rejects.toMatchObject({ code: 'ERR_UNEXPECTED_RESPONSE', host });
  });

  it('that is coded although it was not asked for says so', async () => {
    const codings: unknown[] = [];
    const host = await serve((request, response) => {
      codings.push(request.headers['accept-encoding']);
      const headers = { 'content-type': mediaTypes.ociManifest, 'content-encoding': 'gzip' };
      response.writeHead(200, { ...headers, 'docker-content-digest': digestOf(manifest) });
      response.end(gzipSync(manifest));
    });
    await expect(manifestAt(host)).rejects.toMatchObject({
      code: 'ERR_UNEXPECTED_RESPONSE',
      message: expect.stringContaining('gzip') as string,
    });
    expect(codings).toEqual(['identity']);
  });

  it.each(['http://[::bad', '//evil host/', 'ftp://elsewhere/', 'javascript:1'])(
    'that sends on to %s is refused',
    async (location) => {
      const host = await serve((_, response) => response.writeHead(307, { location }).end());
      await expect(manifestAt(host)).rejects.toMatchObject({ code: 'ERR_INSECURE_ADDRESS' });
    },
  );

  it.each([
    ['a long one', `Bearer realm="${'a'.repeat(14_000)}"`],
    ['one without an end', `Basic realm="${'\\'.repeat(14_000)}`],
    ['one of parameters alone', `Bearer ${'a='.repeat(7000)}`],
  ])('with an odd challenge, %s, is refused in no time', async (_, challenge) => {
    const host = await serve((_request, response) =>
      response.writeHead(401, { 'www-authenticate': challenge }).end(),
    );
    const begin = performance.now();
    await expect(manifestAt(host)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(?:UNEXPECTED_RESPONSE|UNAUTHORIZED)$/) as string,
    });
    expect(performance.now() - begin).toBeLessThan(5000);
  });
});

describe('a push', () => {
  async function push(host: string, options: RegistryClientOptions = {}): Promise<void> {
    const source = await openRegistry();
    source.addImage('app', 'v1', image);
    const registry = openClient(options);
    const rxfer = createRxfer({ store: createMemoryStore(), registry, maxAttempts: 1 });
    await lastValueFrom(rxfer.copy(`${source.host}/app:v1`, `${host}/app:v1`));
  }

  it.each([405, 501])('goes on where HEAD of a blob is answered by %d', async (status) => {
    const registry = await openRegistry();
    const head = { method: 'HEAD', path: /\/blobs\// };
    registry.inject({ match: head, fault: { kind: 'status', status } });
    await push(registry.host);
    expect(registry.repository('app').tags.get('v1')).toBe(image.descriptor.digest);
  });

  it('goes on where HEAD of a blob leads to a host that allows GET alone', async () => {
    const elsewhere = await serve((_, response) => response.writeHead(403).end());
    const registry = await openRegistry();
    const head = { method: 'HEAD', path: /\/blobs\// };
    const headers = { location: `http://${elsewhere}/signed` };
    registry.inject({ match: head, fault: { kind: 'status', status: 307, headers } });
    await push(registry.host);
    expect(registry.repository('app').tags.get('v1')).toBe(image.descriptor.digest);
  });

  it('is over where the repository may not be looked at', async () => {
    const registry = await openRegistry();
    const head = { method: 'HEAD', path: /\/blobs\// };
    registry.inject({ match: head, fault: { kind: 'status', status: 403 } });
    await expect(push(registry.host)).rejects.toMatchObject({ code: 'ERR_FORBIDDEN' });
  });

  it.each([
    ['in one piece', 0],
    ['in chunks', 50_000],
  ])('%s follows an upload that is sent on (307)', async (_, uploadChunkSize) => {
    const registry = await openRegistry();
    const before = await serve((request, response) => {
      const location = `${registry.url}${request.url ?? '/'}`;
      request.resume().once('end', () => response.writeHead(307, { location }).end());
    });
    await push(before, { uploadChunkSize });
    expect(registry.repository('app').tags.get('v1')).toBe(image.descriptor.digest);
  });

  it('in chunks goes in one piece where the first is taken for the whole (201)', async () => {
    const registry = await openRegistry();
    const early = { method: 'PATCH', path: /\/uploads\// };
    registry.inject({ match: early, fault: { kind: 'status', status: 201 } });
    await push(registry.host, { uploadChunkSize: 50_000 });
    expect(registry.repository('app').tags.get('v1')).toBe(image.descriptor.digest);
  });
});
