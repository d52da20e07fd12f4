import type { RequestListener, ServerResponse } from 'node:http';
import { lastValueFrom } from 'rxjs';
import { createMemoryStore, createRxfer, type PullEvent } from '../../src/index.js';
import {
  digestOf,
  mediaTypes,
  parseReference,
  type Descriptor,
  type Digest,
  type Reference,
} from '../../src/oci/index.js';
import {
  sampleImage,
  sampleIndex,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { closeAll, openClient, openRegistry, serve } from '../support/loopback.js';
import { until } from '../support/until.js';

const mebibyte = 1024 * 1024;
const { signal } = new AbortController();

afterEach(closeAll);

function pull(reference: string): Promise<PullEvent> {
  const registry = openClient();
  const rxfer = createRxfer({ store: createMemoryStore(), registry, maxAttempts: 1 });
  return lastValueFrom(rxfer.pull(reference));
}

/** A manifest of exactly so many bytes. */
function manifestOf(size: number): Buffer {
  const empty = { mediaType: mediaTypes.ociEmpty, digest: digestOf('{}'), size: 2 };
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: empty };
  const text = JSON.stringify({ ...document, layers: [], annotations: { a: '' } });
  return Buffer.from(text.replace('"a":""', `"a":"${'x'.repeat(size - text.length)}"`));
}

function manifestFrom(listener: RequestListener): Promise<unknown> {
  return serve(listener).then((host) =>
    openClient().manifest(parseReference(`${host}/app:v1`), signal),
  );
}

function sendManifest(
  response: ServerResponse,
  bytes: Buffer,
  headers: Readonly<Record<string, string | string[]>> = {},
): void {
  response.writeHead(200, { 'content-type': mediaTypes.ociManifest, ...headers }).end(bytes);
}

/** Sends without an end, and counts. */
function flood(response: ServerResponse, line: string): { sent: number; ended: boolean } {
  const state = { sent: 0, ended: false };
  const chunk = Buffer.alloc(64 * 1024, line);
  const more = (): void => {
    for (let free = true; free && !state.ended; state.sent += chunk.length) {
      free = response.write(chunk);
    }
  };
  response.on('drain', more).on('close', () => (state.ended = true));
  more();
  return state;
}

describe('the size of a manifest', () => {
  it('may be 4 MiB', async () => {
    const bytes = manifestOf(4 * mebibyte);
    const fetched = await manifestFrom((_, response) => sendManifest(response, bytes));
    expect(fetched).toMatchObject({ descriptor: { size: 4 * mebibyte, digest: digestOf(bytes) } });
  });

  it('is refused by the length that is declared, before its bytes', async () => {
    let closed = false;
    const work = manifestFrom((_, response) => {
      const headers = { 'content-length': String(4 * mebibyte + 1) };
      response.on('close', () => (closed = true)).writeHead(200, headers);
      response.flushHeaders();
    });
    await expect(work).rejects.toMatchObject({ code: 'ERR_MANIFEST_TOO_LARGE' });
    await until(() => closed);
  });

  it('is refused once there is more, where no length is declared', async () => {
    let state = { sent: 0, ended: false };
    const work = manifestFrom((_, response) => {
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest });
      state = flood(response, 'x');
    });
    await expect(work).rejects.toMatchObject({ code: 'ERR_MANIFEST_TOO_LARGE' });
    await until(() => state.ended);
    // What the sockets between hold goes beyond the limit.
    expect(state.sent).toBeLessThan(32 * mebibyte);
  });

  it('counts for what HEAD says of it as well', async () => {
    const host = await serve((_, response) => {
      const digest = digestOf('x');
      const headers = {
        'docker-content-digest': digest,
        'content-length': String(5 * mebibyte),
        'content-type': mediaTypes.ociManifest,
      };
      response.writeHead(200, headers).end();
    });
    const work = openClient().resolve(parseReference(`${host}/app:v1`), signal);
    await expect(work).rejects.toMatchObject({ code: 'ERR_MANIFEST_TOO_LARGE' });
  });
});

describe('what else a server sends', () => {
  it.each([
    ['a header of 20,000 bytes', { 'x-long': 'x'.repeat(20_000) }],
    [
      '2,000 headers',
      Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`x-header-${index}`, '1'])),
    ],
    // In few bytes, so that their number alone is too much.
    ['201 headers of one name', { a: Array.from({ length: 201 }, () => '1') }],
  ])('is refused with %s', async (_, headers) => {
    const work = manifestFrom((_request, response) =>
      sendManifest(response, manifestOf(1000), headers),
    );
    await expect(work).rejects.toMatchObject({
      code: 'ERR_UNEXPECTED_RESPONSE',
      message: expect.stringContaining('more headers than allowed') as unknown,
    });
  });

  it('may be a redirect five times in a row, and not six times', async () => {
    const work = (length: number): Promise<unknown> =>
      manifestFrom((request, response) => {
        const step = Number(/step=(\d+)/.exec(request.url ?? '')?.[1] ?? 0);
        if (step === length) sendManifest(response, manifestOf(1000));
        else response.writeHead(307, { location: `/elsewhere?step=${step + 1}` }).end();
      });
    expect(await work(5)).toMatchObject({ descriptor: { size: 1000 } });
    await expect(work(6)).rejects.toMatchObject({ code: 'ERR_TOO_MANY_REDIRECTS' });
  });

  it('is not read on for an error without an end', async () => {
    let state = { sent: 0, ended: false };
    const work = manifestFrom((_, response) => {
      response.writeHead(403);
      state = flood(response, '{"errors":[{"code":"DENIED"}]}');
    });
    await expect(work).rejects.toMatchObject({ code: 'ERR_FORBIDDEN', status: 403 });
    await until(() => state.ended);
    expect(state.sent).toBeLessThan(32 * mebibyte);
  });

  it('is not read on for a token without an end', async () => {
    let state = { sent: 0, ended: false };
    const work = manifestFrom((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        state = flood(response, '{"token": "');
        return;
      }
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
    });
    await expect(work).rejects.toMatchObject({ code: 'ERR_UNEXPECTED_RESPONSE' });
    await until(() => state.ended);
    expect(state.sent).toBeLessThan(32 * mebibyte);
  });
});

describe('an image', () => {
  let registry: TestRegistry;
  let image: SampleImage;

  beforeAll(async () => {
    image = await sampleImage({ layers: [[{ name: 'file', size: 1000 }]] });
  });
  beforeEach(async () => {
    registry = await openRegistry();
  });

  /** Puts a document in place of the image's manifest. */
  const put = (change: (manifest: Manifest) => object): string => {
    registry.addImage('app', 'v1', image);
    const bytes = image.manifests.get(image.descriptor.digest)?.bytes ?? Buffer.alloc(0);
    const changed = Buffer.from(JSON.stringify(change(JSON.parse(bytes.toString()) as Manifest)));
    registry.repository('app').put('v1', { mediaType: mediaTypes.ociManifest, bytes: changed });
    return `${registry.host}/app:v1`;
  };
  const asked = (digest: Digest): number =>
    registry.requests.filter(({ path }) => path.includes(digest)).length;

  it('has 10,000 layers at most', async () => {
    const [layer] = image.layers;
    const layers = Array.from({ length: 10_001 }, () => layer);
    await expect(pull(put((manifest) => ({ ...manifest, layers })))).rejects.toMatchObject({
      code: 'ERR_INVALID_MANIFEST',
      message: expect.stringContaining('layers') as unknown,
    });
  });

  it('comes from an index of 10,000 entries at most', async () => {
    const manifests = Array.from({ length: 10_001 }, () => image.descriptor);
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    const bytes = Buffer.from(JSON.stringify(index));
    registry.repository('app').put('v1', { mediaType: mediaTypes.ociIndex, bytes });
    await expect(pull(`${registry.host}/app:v1`)).rejects.toMatchObject({
      code: 'ERR_INVALID_MANIFEST',
      message: expect.stringContaining('manifests') as unknown,
    });
  });

  it('comes from indexes nested three deep, and not deeper', async () => {
    const nested = (depth: number): SampleImage =>
      depth === 0 ? image : sampleIndex([nested(depth - 1)]);
    registry.addImage('app', 'three', nested(3));
    registry.addImage('app', 'four', nested(4));
    const event = await pull(`${registry.host}/app:three`);
    expect(event).toMatchObject({ kind: 'result' });
    await expect(pull(`${registry.host}/app:four`)).rejects.toMatchObject({
      code: 'ERR_NOT_AN_IMAGE',
    });
  });

  it('has a configuration of 4 MiB at most, which isn’t asked for otherwise', async () => {
    const { digest } = configOf(image).descriptor;
    const reference = put((manifest) => ({
      ...manifest,
      config: { ...manifest.config, size: 4 * mebibyte + 1 },
    }));
    await expect(pull(reference)).rejects.toMatchObject({ code: 'ERR_DOCUMENT_TOO_LARGE' });
    expect(asked(digest)).toBe(0);
  });

  it('has a configuration no larger than its manifest says', async () => {
    const { descriptor } = configOf(image);
    const reference = put((manifest) => ({
      ...manifest,
      config: { ...manifest.config, size: descriptor.size - 1 },
    }));
    await expect(pull(reference)).rejects.toMatchObject({ code: 'ERR_BLOB_LENGTH' });
  });

  it.each(['sha1:' + 'a'.repeat(40), 'sha384:' + 'a'.repeat(96), 'sha256:abc', 'blake3:00'])(
    'has no layer by the digest %s',
    async (digest) => {
      const reference = put((manifest) => ({
        ...manifest,
        layers: manifest.layers.map((layer) => ({ ...layer, digest })),
      }));
      await expect(pull(reference)).rejects.toMatchObject({
        code: 'ERR_INVALID_MANIFEST',
        message: expect.stringContaining('not a sha256 or sha512 digest') as unknown,
      });
      expect(() => parseReference(`${registry.host}/app@${digest}`)).toThrow();
    },
  );

  it('may go by sha512 throughout', async () => {
    const { bytes } = configOf(image);
    const layerBytes = image.blobs.get(image.layers[0]!.digest)!;
    const content = registry.repository('app');
    const keep = (mediaType: string, blob: Buffer): Descriptor => {
      const digest = digestOf(blob, 'sha512');
      content.blobs.set(digest, blob);
      return { mediaType, digest, size: blob.length };
    };
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: keep(mediaTypes.ociConfig, bytes),
      layers: [keep(mediaTypes.ociLayerGzip, layerBytes)],
    };
    const document = Buffer.from(JSON.stringify(manifest));
    const digest = digestOf(document, 'sha512');
    content.put(digest, { mediaType: mediaTypes.ociManifest, bytes: document });
    const event = await pull(`${registry.host}/app@${digest}`);
    expect(event).toMatchObject({
      kind: 'result',
      image: { resolved: digest, layers: manifest.layers, diffIDs: image.diffIDs },
    });
    // A byte that is another one is noticed by sha512 too.
    const corrupt = registry.inject({
      match: { digest: manifest.config.digest },
      fault: { kind: 'corrupt', offset: 3 },
    });
    await expect(pull(`${registry.host}/app@${digest}`)).rejects.toMatchObject({
      code: 'ERR_DIGEST_MISMATCH',
    });
    expect(corrupt.hits).toBeGreaterThan(0);
  });
});

describe('Docker-Content-Digest', () => {
  const bytes = manifestOf(1000);
  const right = digestOf(bytes);
  const wrong = digestOf('something else');

  const ask = async (
    told: string | undefined,
    by: Omit<Reference, 'host' | 'path'>,
    how: 'manifest' | 'resolve' = 'manifest',
  ): Promise<unknown> => {
    const host = await serve((request, response) => {
      const headers = told === undefined ? {} : { 'docker-content-digest': told };
      const length = { 'content-length': String(bytes.length) };
      sendManifest(response, request.method === 'HEAD' ? Buffer.alloc(0) : bytes, {
        ...headers,
        ...length,
      });
    });
    const fetched = await openClient()[how]({ host, path: 'app', ...by }, signal);
    return 'descriptor' in fetched ? fetched.descriptor.digest : fetched.digest;
  };
  const isRefused = { code: 'ERR_MANIFEST_DIGEST' };

  it('must be that of the bytes', async () => {
    expect(await ask(right, { tag: 'v1' })).toBe(right);
    expect(await ask(undefined, { tag: 'v1' })).toBe(right);
    await expect(ask(wrong, { tag: 'v1' })).rejects.toMatchObject(isRefused);
  });

  it('must be right even where the reference has the right one', async () => {
    expect(await ask(right, { digest: right })).toBe(right);
    await expect(ask(wrong, { digest: right })).rejects.toMatchObject(isRefused);
  });

  it('doesn’t stand for that of the reference', async () => {
    await expect(ask(right, { digest: wrong })).rejects.toMatchObject(isRefused);
    await expect(ask(wrong, { digest: wrong })).rejects.toMatchObject(isRefused);
    await expect(ask(undefined, { digest: wrong })).rejects.toMatchObject(isRefused);
    await expect(ask(right, { digest: wrong }, 'resolve')).rejects.toMatchObject(isRefused);
  });

  it('may be of another algorithm than the reference’s', async () => {
    const other = digestOf(bytes, 'sha512');
    for (const how of ['manifest', 'resolve'] as const) {
      expect(await ask(right, { digest: other }, how)).toBe(other);
      expect(await ask(other, { digest: right }, how)).toBe(right);
      expect(await ask(other, { tag: 'v1' }, how)).toBe(other);
    }
    const wrongOther = digestOf('something else', 'sha512');
    await expect(ask(wrongOther, { digest: right }, 'resolve')).rejects.toMatchObject(isRefused);
  });

  it.each(['sha1:' + 'a'.repeat(40), 'sha256:', 'nonsense', right.toUpperCase()])(
    'that can’t be checked is refused: %s',
    async (told) => {
      for (const how of ['manifest', 'resolve'] as const) {
        await expect(ask(told, { tag: 'v1' }, how)).rejects.toMatchObject({
          code: 'ERR_UNEXPECTED_RESPONSE',
        });
      }
    },
  );
});

interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

function configOf(image: SampleImage): { descriptor: Descriptor; bytes: Buffer } {
  const manifest = image.manifests.get(image.descriptor.digest)?.bytes ?? Buffer.alloc(0);
  const { config } = JSON.parse(manifest.toString()) as Manifest;
  return { descriptor: config, bytes: image.blobs.get(config.digest) ?? Buffer.alloc(0) };
}
