import { digestOf, mediaTypes, type Digest } from '../../src/oci/index.js';
import {
  sampleImage,
  startRegistry,
  type SampleImage,
  type TestRegistry,
  type TestRegistryOptions,
} from '../../src/testing/index.js';

const bytes = Buffer.from('0123456789');
const digest = digestOf(bytes);
const octets = { 'content-type': 'application/octet-stream' };

let registry: TestRegistry;
let image: SampleImage;

beforeAll(async () => {
  image = await sampleImage({ layers: [[{ name: 'a', content: 'a' }]] });
});
afterEach(() => registry.close());

async function start(options?: TestRegistryOptions): Promise<void> {
  registry = await startRegistry(options);
  registry.repository('app').blobs.set(digest, bytes);
  registry.addImage('app', 'v1', image);
}

function call(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(new URL(path, registry.url), { method, ...init });
}

async function codeOf(answer: Response): Promise<[number, string | undefined]> {
  const { errors } = (await answer.json()) as { errors: { code: string }[] };
  return [answer.status, errors[0]?.code];
}

/** Opens an upload and answers with where it is. */
async function beginUpload(query = ''): Promise<string> {
  const answer = await call('POST', `/v2/new/blobs/uploads/${query}`);
  expect(answer.status).toBe(202);
  return answer.headers.get('location') ?? '';
}

function patch(location: string, from: number, chunk: Uint8Array): Promise<Response> {
  const headers = { ...octets, 'content-range': `${from}-${from + chunk.length - 1}` };
  return call('PATCH', location, { headers, body: Buffer.from(chunk) });
}

describe('reading (end-1, end-2, end-3)', () => {
  beforeEach(() => start());

  it('says that it is a registry', async () => {
    expect((await call('GET', '/v2/')).status).toBe(200);
  });

  it('serves a manifest by tag and digest, with its type and digest', async () => {
    for (const name of ['v1', image.descriptor.digest]) {
      const head = await call('HEAD', `/v2/app/manifests/${name}`);
      expect(head.headers.get('docker-content-digest')).toBe(image.descriptor.digest);
      expect(head.headers.get('content-type')).toBe(mediaTypes.ociManifest);
      expect(head.headers.get('content-length')).toBe(String(image.descriptor.size));
      const body = await (await call('GET', `/v2/app/manifests/${name}`)).arrayBuffer();
      expect(digestOf(Buffer.from(body))).toBe(image.descriptor.digest);
    }
  });

  it.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=6-', 206, '6789', 'bytes 6-9/10'],
    ['bytes=6-99', 206, '6789', 'bytes 6-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=3-1', 200, '0123456789', null],
    ['bytes=0-1,3-4', 200, '0123456789', null],
  ])('answers the Range %s with %i', async (range, status, text, contentRange) => {
    const answer = await call('GET', `/v2/app/blobs/${digest}`, { headers: { range } });
    expect(answer.status).toBe(status);
    expect(await answer.text()).toBe(text);
    expect(answer.headers.get('content-range')).toBe(contentRange);
  });

  it('answers a Range whose If-Range is of another blob with the whole', async () => {
    const headers = { range: 'bytes=6-', 'if-range': '"another"' };
    expect((await call('GET', `/v2/app/blobs/${digest}`, { headers })).status).toBe(200);
    const own = { range: 'bytes=6-', 'if-range': `"${digest}"` };
    expect((await call('GET', `/v2/app/blobs/${digest}`, { headers: own })).status).toBe(206);
  });

  it.each([
    ['/v2/app/manifests/none', 404, 'MANIFEST_UNKNOWN'],
    ['/v2/none/manifests/v1', 404, 'MANIFEST_UNKNOWN'],
    [`/v2/app/blobs/${digestOf('none')}`, 404, 'BLOB_UNKNOWN'],
    ['/v2/app/blobs/sha256:1', 400, 'DIGEST_INVALID'],
    ['/v2/App/manifests/v1', 400, 'NAME_INVALID'],
    ['/v2/none/tags/list', 404, 'NAME_UNKNOWN'],
  ])('refuses %s', async (path, status, code) => {
    expect(await codeOf(await call('GET', path))).toEqual([status, code]);
  });

  it('knows no repository that was only asked for', async () => {
    await call('GET', '/v2/none/manifests/v1');
    await call('HEAD', `/v2/none/blobs/${digest}`);
    expect(await (await call('GET', '/v2/_catalog')).json()).toEqual({ repositories: ['app'] });
  });
});

describe('uploads (end-4, end-5, end-6, end-13)', () => {
  it('takes a blob in one POST', async () => {
    await start();
    const path = `/v2/new/blobs/uploads/?digest=${digest}`;
    const answer = await call('POST', path, { headers: octets, body: bytes });
    expect(answer.status).toBe(201);
    expect(registry.repository('new').blobs.get(digest)).toEqual(bytes);
  });

  it('takes a blob by POST and PUT, and refuses other bytes', async () => {
    await start({ locations: 'absolute' });
    const put = async (body: Buffer): Promise<Response> => {
      const location = new URL(await beginUpload());
      expect(location.searchParams.get('state')).toBe('kept');
      location.searchParams.set('digest', digest);
      return call('PUT', location.href, { headers: octets, body });
    };
    expect(await codeOf(await put(Buffer.from('other')))).toEqual([400, 'DIGEST_INVALID']);
    expect(registry.repository('new').blobs.size).toBe(0);
    const answer = await put(bytes);
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/v2/new/blobs/${digest}`);
  });

  it('takes a blob in chunks, tells how far it is, and refuses one out of order', async () => {
    await start({ chunkMinLength: 4 });
    const location = await beginUpload();
    const first = await patch(location, 0, bytes.subarray(0, 4));
    expect([first.status, first.headers.get('range')]).toEqual([202, '0-3']);
    expect(first.headers.get('oci-chunk-min-length')).toBe('4');
    const early = await patch(location, 6, bytes.subarray(6));
    expect([early.status, early.headers.get('range')]).toEqual([416, '0-3']);
    const state = await call('GET', location);
    expect([state.status, state.headers.get('range')]).toEqual([204, '0-3']);
    // Below the minimum: the last.
    expect((await patch(location, 4, bytes.subarray(4, 6))).status).toBe(202);
    expect((await patch(location, 6, bytes.subarray(6))).status).toBe(416);
    const end = { headers: octets, body: bytes.subarray(6) };
    expect((await call('PUT', `${location}&digest=${digest}`, end)).status).toBe(201);
    expect((await call('GET', location)).status).toBe(404);
  });

  it('forgets a cancelled upload', async () => {
    await start();
    const location = await beginUpload();
    expect((await call('DELETE', location)).status).toBe(204);
    expect(await codeOf(await call('GET', location))).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
  });

  it('without chunked upload and status refuses both', async () => {
    await start({ without: ['chunkedUpload', 'uploadStatus'] });
    const location = await beginUpload();
    expect(await codeOf(await patch(location, 0, bytes))).toEqual([405, 'UNSUPPORTED']);
    expect((await call('GET', location)).status).toBe(405);
  });
});

describe('mount (end-11)', () => {
  it.each([
    [`?mount=${digest}&from=app`, undefined, 201],
    [`?mount=${digest}`, undefined, 201],
    [`?mount=${digest}&from=none`, undefined, 202],
    [`?mount=${digestOf('none')}`, undefined, 202],
    [`?mount=${digest}&from=app`, ['mount'], 202],
    [`?mount=${digest}`, ['automaticMount'], 202],
  ] as const)('%s, without %s: %i', async (query, without, status) => {
    await start(without === undefined ? {} : { without });
    const answer = await call('POST', `/v2/new/blobs/uploads/${query}`);
    expect(answer.status).toBe(status);
    expect(registry.repository('new').blobs.has(digest)).toBe(status === 201);
  });
});

describe('manifests (end-7)', () => {
  const put = (
    path: string,
    document: object,
    type: string = mediaTypes.ociManifest,
  ): Promise<Response> =>
    call('PUT', path, { headers: { 'content-type': type }, body: JSON.stringify(document) });

  beforeEach(() => start());

  it('are stored by tag and digest', async () => {
    const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
    const own = digestOf(JSON.stringify(document));
    for (const name of ['v2', own]) {
      const answer = await put(`/v2/app/manifests/${name}`, document, mediaTypes.ociIndex);
      expect(answer.status).toBe(201);
      expect(answer.headers.get('docker-content-digest')).toBe(own);
    }
    expect(registry.repository('app').tags.get('v2')).toBe(own);
  });

  it('are refused when they lack something, state another type or have another digest', async () => {
    const missing = { mediaType: mediaTypes.ociConfig, digest: digestOf('none'), size: 4 };
    const lacking = { schemaVersion: 2, config: missing, layers: [] };
    expect(await codeOf(await put('/v2/app/manifests/v2', lacking))).toEqual([
      400,
      'MANIFEST_BLOB_UNKNOWN',
    ]);
    const other = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
    expect(await codeOf(await put('/v2/app/manifests/v2', other))).toEqual([
      400,
      'MANIFEST_INVALID',
    ]);
    const path = `/v2/app/manifests/${digestOf('none')}`;
    expect(await codeOf(await put(path, other, mediaTypes.ociIndex))).toEqual([
      400,
      'DIGEST_INVALID',
    ]);
    const large = { annotations: { padding: 'x'.repeat(4 * 1024 * 1024) } };
    expect((await put('/v2/app/manifests/v2', large)).status).toBe(413);
  });
});

describe('listings (end-8, catalog)', () => {
  const follow = async (path: string, field: string): Promise<string[][]> => {
    const pages: string[][] = [];
    for (let next: string | undefined = path; next !== undefined;) {
      const answer: Response = await call('GET', next);
      pages.push(((await answer.json()) as Record<string, string[]>)[field] ?? []);
      next = /^<(.+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
    }
    return pages;
  };

  it('are sorted, and paged as asked', async () => {
    await start();
    for (const tag of ['b', 'a', 'c']) registry.addImage('app', tag, image);
    registry.addImage('other/app', 'v1', image);
    expect(await follow('/v2/app/tags/list', 'tags')).toEqual([['a', 'b', 'c', 'v1']]);
    expect(await follow('/v2/app/tags/list?n=3', 'tags')).toEqual([['a', 'b', 'c'], ['v1']]);
    expect(await follow('/v2/app/tags/list?n=2&last=b', 'tags')).toEqual([['c', 'v1']]);
    expect(await follow('/v2/_catalog?n=1', 'repositories')).toEqual([['app'], ['other/app']]);
    expect((await call('GET', '/v2/app/tags/list?n=x')).status).toBe(400);
  });

  it('are paged by the registry too', async () => {
    await start({ pageSize: 1 });
    registry.addImage('app', 'a', image);
    expect(await follow('/v2/app/tags/list', 'tags')).toEqual([['a'], ['v1']]);
  });
});

describe('deletion (end-9, end-10)', () => {
  it('takes a tag alone, or a manifest with its tags, or a blob', async () => {
    await start();
    registry.addImage('app', 'v2', image);
    expect((await call('DELETE', '/v2/app/manifests/v2')).status).toBe(202);
    expect((await call('GET', '/v2/app/manifests/v1')).status).toBe(200);
    const path = `/v2/app/manifests/${image.descriptor.digest}`;
    expect((await call('DELETE', path)).status).toBe(202);
    expect((await call('GET', '/v2/app/manifests/v1')).status).toBe(404);
    expect((await call('DELETE', path)).status).toBe(404);
    expect((await call('DELETE', `/v2/app/blobs/${digest}`)).status).toBe(202);
    expect((await call('HEAD', `/v2/app/blobs/${digest}`)).status).toBe(404);
  });

  it('is refused where there is none', async () => {
    await start({ without: ['delete'] });
    expect(await codeOf(await call('DELETE', '/v2/app/manifests/v1'))).toEqual([
      405,
      'UNSUPPORTED',
    ]);
  });
});

describe('referrers (end-12)', () => {
  const refer = async (artifactType: string): Promise<{ digest: Digest; headers: Headers }> => {
    const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf('{}'), size: 2 };
    registry.repository('app').blobs.set(config.digest, Buffer.from('{}'));
    const document = JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType,
      config,
      layers: [],
      subject: image.descriptor,
      annotations: { of: artifactType },
    });
    const path = `/v2/app/manifests/${digestOf(document)}`;
    const headers = { 'content-type': mediaTypes.ociManifest };
    const answer = await call('PUT', path, { headers, body: document });
    expect(answer.status).toBe(201);
    return { digest: digestOf(document), headers: answer.headers };
  };
  const list = async (
    query = '',
  ): Promise<{ headers: Headers; manifests: { digest: Digest; artifactType: string }[] }> => {
    const answer = await call('GET', `/v2/app/referrers/${image.descriptor.digest}${query}`);
    expect(answer.headers.get('content-type')).toBe(mediaTypes.ociIndex);
    const { manifests } = (await answer.json()) as {
      manifests: { digest: Digest; artifactType: string }[];
    };
    return { headers: answer.headers, manifests };
  };

  it('are listed with type and annotations, filtered, and said when pushed', async () => {
    await start();
    const sbom = await refer('example/sbom');
    const signature = await refer('example/signature');
    expect(sbom.headers.get('oci-subject')).toBe(image.descriptor.digest);
    const all = await list();
    expect(all.manifests.map(({ digest }) => digest)).toEqual([sbom.digest, signature.digest]);
    expect(all.manifests[0]).toMatchObject({
      mediaType: mediaTypes.ociManifest,
      artifactType: 'example/sbom',
      annotations: { of: 'example/sbom' },
    });
    const some = await list('?artifactType=example/signature');
    expect(some.manifests.map(({ digest }) => digest)).toEqual([signature.digest]);
    expect(some.headers.get('oci-filters-applied')).toBe('artifactType');
  });

  it('are paged, and empty for what nothing refers to', async () => {
    await start({ pageSize: 1 });
    expect((await list()).manifests).toEqual([]);
    await refer('a/a');
    const second = await refer('b/b');
    const next = /<[^?]+(\?[^>]+)>/.exec((await list()).headers.get('link') ?? '')?.[1];
    expect((await list(next)).manifests.map(({ digest }) => digest)).toEqual([second.digest]);
  });

  it('have no endpoint where the API is missing', async () => {
    await start({ without: ['referrers'] });
    expect((await refer('a/a')).headers.get('oci-subject')).toBeNull();
    expect((await call('GET', `/v2/app/referrers/${image.descriptor.digest}`)).status).toBe(404);
  });
});
