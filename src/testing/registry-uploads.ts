import { randomUUID } from 'node:crypto';
import { digestAlgorithm, digestOf, isDigest, type Digest } from '../oci/index.js';
import { failure, notAllowed, type Answer, type RegistryRequest } from './registry-answers.js';
import type { RepositoryContent } from './registry-content.js';
import type { RegistryFeature, RegistryTraits } from './registry-features.js';

interface Upload {
  readonly repository: string;
  readonly chunks: Buffer[];
  length: number;
  /** A chunk below the minimum has come: it was the last. */
  ended: boolean;
}

/** What uploads work on. */
export interface UploadContext {
  readonly repositories: ReadonlyMap<string, RepositoryContent>;
  readonly repository: (name: string) => RepositoryContent;
  readonly traits: RegistryTraits;
  readonly has: (feature: RegistryFeature) => boolean;
}

/** The uploads under way: end-4, end-5, end-6, end-11 and end-13. */
export class RegistryUploads {
  readonly #context: UploadContext;
  readonly #uploads = new Map<string, Upload>();

  constructor(context: UploadContext) {
    this.#context = context;
  }

  async answer(request: RegistryRequest, name: string, id: string): Promise<Answer> {
    if (request.method === 'POST' && id === '') return this.#begin(request, name);
    const upload = this.#uploads.get(id);
    if (upload?.repository !== name) {
      return failure(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
    }
    switch (request.method) {
      case 'PATCH':
        return this.#append(request, name, id, upload);
      case 'PUT':
        return this.#finish(request, name, id, upload);
      case 'DELETE':
        this.#uploads.delete(id);
        return { status: 204 };
      case 'GET':
        return this.#context.has('uploadStatus')
          ? this.#state(204, request, name, id, upload)
          : notAllowed();
      default:
        return notAllowed();
    }
  }

  async #begin(request: RegistryRequest, name: string): Promise<Answer> {
    const { searchParams } = request.url;
    const mount = searchParams.get('mount') ?? '';
    const found = isDigest(mount) ? this.#mountable(mount, searchParams.get('from')) : undefined;
    if (found !== undefined) return this.#keep(name, mount, found);
    const id = randomUUID();
    const upload = { repository: name, chunks: [], length: 0, ended: false };
    if (searchParams.has('digest')) return this.#finish(request, name, id, upload);
    this.#context.repository(name);
    this.#uploads.set(id, upload);
    return this.#state(202, request, name, id, upload);
  }

  #mountable(digest: Digest, from: string | null): Buffer | undefined {
    const { repositories, has } = this.#context;
    if (from !== null) return has('mount') ? repositories.get(from)?.blobs.get(digest) : undefined;
    if (!has('automaticMount')) return undefined;
    return [...repositories.values()].find(({ blobs }) => blobs.has(digest))?.blobs.get(digest);
  }

  async #append(
    request: RegistryRequest,
    name: string,
    id: string,
    upload: Upload,
  ): Promise<Answer> {
    if (!this.#context.has('chunkedUpload')) return notAllowed();
    const range = request.headers['content-range'];
    const [, first, last] = /^(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    if (range !== undefined) {
      const isNext = first !== undefined && Number(first) === upload.length && !upload.ended;
      if (!isNext) return this.#state(416, request, name, id, upload);
      const length = Number(last) - Number(first) + 1;
      if (Number(request.headers['content-length'] ?? length) !== length) {
        return failure(400, 'SIZE_INVALID', 'the content is not as long as its range');
      }
      upload.ended = length < (this.#context.traits.chunkMinLength ?? 0);
    }
    await receive(request, upload);
    return this.#state(202, request, name, id, upload);
  }

  async #finish(
    request: RegistryRequest,
    name: string,
    id: string,
    upload: Upload,
  ): Promise<Answer> {
    await receive(request, upload);
    this.#uploads.delete(id);
    const stated = request.url.searchParams.get('digest') ?? '';
    return this.#keep(name, stated, Buffer.concat(upload.chunks, upload.length));
  }

  #keep(name: string, stated: string, bytes: Buffer): Answer {
    if (!isDigest(stated)) return failure(400, 'DIGEST_INVALID', 'not a digest that is known');
    const actual = digestOf(bytes, digestAlgorithm(stated));
    if (actual !== stated) return failure(400, 'DIGEST_INVALID', `the bytes have ${actual}`);
    this.#context.repository(name).blobs.set(stated, bytes);
    const location = `/v2/${name}/blobs/${stated}`;
    return { status: 201, headers: { location, 'docker-content-digest': stated } };
  }

  #state(
    status: number,
    { url }: RegistryRequest,
    name: string,
    id: string,
    { length }: Upload,
  ): Answer {
    const { chunkMinLength, locations } = this.#context.traits;
    const path = `/v2/${name}/blobs/uploads/${id}?state=kept`;
    return {
      status,
      headers: {
        location: locations === 'absolute' ? new URL(path, url).href : path,
        range: `0-${Math.max(0, length - 1)}`,
        ...(chunkMinLength === undefined ? {} : { 'oci-chunk-min-length': String(chunkMinLength) }),
      },
    };
  }
}

/** What arrives before a connection breaks stays, as it does with registries. */
function receive(request: RegistryRequest, upload: Upload): Promise<void> {
  return request.receive((chunk) => {
    upload.chunks.push(chunk);
    upload.length += chunk.length;
  });
}
