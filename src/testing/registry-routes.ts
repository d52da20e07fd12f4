import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { digestAlgorithm, digestOf, isDigest, mediaTypes, type Digest } from '../oci/index.js';
import type { RepositoryContent } from './registry-content.js';

/** An answer of the registry, before faults. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** One request, taken apart. */
export interface RegistryRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  /** Reads the body whole. */
  body(): Promise<Buffer>;
}

interface Upload {
  readonly repository: string;
  bytes: Buffer;
}

/**
 * The routes of the distribution specification 1.1: pull, push, content discovery and content
 * management, over content in memory.
 */
export class RegistryRoutes {
  readonly #repositories: Map<string, RepositoryContent>;
  readonly #repository: (name: string) => RepositoryContent;
  readonly #uploads = new Map<string, Upload>();

  constructor(
    repositories: Map<string, RepositoryContent>,
    repository: (name: string) => RepositoryContent,
  ) {
    this.#repositories = repositories;
    this.#repository = repository;
  }

  async answer(request: RegistryRequest): Promise<Answer> {
    const { url } = request;
    if (url.pathname === '/v2/' || url.pathname === '/v2') return jsonAnswer(200, {});
    if (url.pathname === '/v2/_catalog') {
      return page(url, [...this.#repositories.keys()], 'repositories', {});
    }
    const match = /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs|tags|referrers)\/([^/]*)$/.exec(
      url.pathname,
    );
    const [, name, kind, last = ''] = match ?? [];
    if (name === undefined) return failure(404, 'UNSUPPORTED', 'no such endpoint');
    switch (kind) {
      case 'manifests':
        return this.#manifests(request, name, last);
      case 'blobs':
        return this.#blobs(request, name, last);
      case 'blobs/uploads':
        return this.#upload(request, name, last);
      case 'tags':
        return this.#tags(request, name);
      default:
        return this.#referrers(name, last);
    }
  }

  async #manifests(request: RegistryRequest, name: string, reference: string): Promise<Answer> {
    const repository = this.#repository(name);
    if (request.method === 'PUT') {
      const mediaType = request.headers['content-type'] ?? '';
      const bytes = await request.body();
      const digest = repository.put(reference, { mediaType, bytes });
      if (digest === undefined) return failure(400, 'DIGEST_INVALID', 'the digest differs');
      const location = `/v2/${name}/manifests/${digest}`;
      return { status: 201, headers: { location, 'docker-content-digest': digest } };
    }
    const digest = repository.find(reference);
    const manifest = digest === undefined ? undefined : repository.manifests.get(digest);
    if (digest === undefined || manifest === undefined) {
      return failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    }
    if (request.method === 'DELETE') {
      if (isDigest(reference)) repository.manifests.delete(digest);
      else repository.tags.delete(reference);
      return { status: 202 };
    }
    const headers = { 'content-type': manifest.mediaType, 'docker-content-digest': digest };
    return { status: 200, headers, body: manifest.bytes };
  }

  #blobs(request: RegistryRequest, name: string, digest: string): Answer {
    const { blobs } = this.#repository(name);
    const bytes = isDigest(digest) ? blobs.get(digest) : undefined;
    if (bytes === undefined) return failure(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    if (request.method === 'DELETE') {
      blobs.delete(digest as Digest);
      return { status: 202 };
    }
    const headers = {
      'content-type': 'application/octet-stream',
      'docker-content-digest': digest,
      'accept-ranges': 'bytes',
    };
    return { status: 200, headers, body: bytes };
  }

  async #upload(request: RegistryRequest, name: string, id: string): Promise<Answer> {
    if (request.method === 'POST') return this.#beginUpload(request, name);
    const upload = this.#uploads.get(id);
    if (upload?.repository !== name) {
      return failure(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
    }
    switch (request.method) {
      case 'PATCH': {
        const begin = /^(\d+)-\d+$/.exec(request.headers['content-range'] ?? '')?.[1];
        if (begin !== undefined && Number(begin) !== upload.bytes.length) {
          return uploadAnswer(416, name, id, upload);
        }
        upload.bytes = Buffer.concat([upload.bytes, await request.body()]);
        return uploadAnswer(202, name, id, upload);
      }
      case 'PUT': {
        const bytes = Buffer.concat([upload.bytes, await request.body()]);
        const answer = this.#finishUpload(name, request.url.searchParams.get('digest'), bytes);
        if (answer.status === 201) this.#uploads.delete(id);
        return answer;
      }
      case 'DELETE':
        this.#uploads.delete(id);
        return { status: 204 };
      default:
        return uploadAnswer(204, name, id, upload);
    }
  }

  async #beginUpload(request: RegistryRequest, name: string): Promise<Answer> {
    const { searchParams } = request.url;
    const mount = searchParams.get('mount');
    const from = searchParams.get('from');
    const repository = this.#repository(name);
    if (mount !== null && isDigest(mount)) {
      const source = from === null ? undefined : this.#repositories.get(from)?.blobs.get(mount);
      if (source !== undefined) {
        repository.blobs.set(mount, source);
        return created(name, mount);
      }
    }
    const digest = searchParams.get('digest');
    if (digest !== null) return this.#finishUpload(name, digest, await request.body());
    const id = randomUUID();
    const upload = { repository: name, bytes: Buffer.alloc(0) };
    this.#uploads.set(id, upload);
    return uploadAnswer(202, name, id, upload);
  }

  #finishUpload(name: string, stated: string | null, bytes: Buffer): Answer {
    if (stated === null || !isDigest(stated)) {
      return failure(400, 'DIGEST_INVALID', 'no digest that could be verified');
    }
    const actual = digestOf(bytes, digestAlgorithm(stated));
    if (actual !== stated) return failure(400, 'DIGEST_INVALID', `the bytes have ${actual}`);
    this.#repository(name).blobs.set(stated, bytes);
    return created(name, stated);
  }

  #tags({ url }: RegistryRequest, name: string): Answer {
    const repository = this.#repositories.get(name);
    if (repository === undefined) return failure(404, 'NAME_UNKNOWN', 'repository unknown');
    return page(url, [...repository.tags.keys()], 'tags', { name });
  }

  #referrers(name: string, subject: string): Answer {
    const manifests = [...this.#repository(name).manifests].flatMap(([digest, stored]) => {
      const document = JSON.parse(stored.bytes.toString()) as {
        subject?: { digest?: string };
        artifactType?: string;
        config?: { mediaType?: string };
        annotations?: Record<string, string>;
      };
      if (document.subject?.digest !== subject) return [];
      const artifactType = document.artifactType ?? document.config?.mediaType;
      const { annotations } = document;
      const size = stored.bytes.length;
      return [{ mediaType: stored.mediaType, digest, size, artifactType, annotations }];
    });
    const mediaType = mediaTypes.ociIndex;
    const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
    return { status: 200, headers: { 'content-type': mediaType }, body };
  }
}

function created(name: string, digest: Digest): Answer {
  const location = `/v2/${name}/blobs/${digest}`;
  return { status: 201, headers: { location, 'docker-content-digest': digest } };
}

function uploadAnswer(status: number, name: string, id: string, upload: Upload): Answer {
  const headers = {
    location: `/v2/${name}/blobs/uploads/${id}?state=kept`,
    range: `0-${Math.max(0, upload.bytes.length - 1)}`,
    'docker-upload-uuid': id,
  };
  return { status, headers };
}

function page(url: URL, all: string[], field: string, rest: object): Answer {
  const last = url.searchParams.get('last') ?? '';
  const limit = Number(url.searchParams.get('n') ?? all.length);
  const after = all.sort().filter((name) => name > last);
  const shown = after.slice(0, limit);
  const next = `${url.pathname}?n=${limit}&last=${encodeURIComponent(shown.at(-1) ?? '')}`;
  const answer = jsonAnswer(200, { ...rest, [field]: shown });
  if (shown.length === after.length) return answer;
  return { ...answer, headers: { ...answer.headers, link: `<${next}>; rel="next"` } };
}

function failure(status: number, code: string, message: string): Answer {
  return jsonAnswer(status, { errors: [{ code, message }] });
}

function jsonAnswer(status: number, value: unknown): Answer {
  const headers = { 'content-type': 'application/json' };
  return { status, headers, body: Buffer.from(JSON.stringify(value)) };
}
