import { isDigest } from '../oci/index.js';
import {
  failure,
  jsonAnswer,
  notAllowed,
  wholeBody,
  type Answer,
  type RegistryRequest,
} from './registry-answers.js';
import { missingIn, type ManifestDocument, type RepositoryContent } from './registry-content.js';
import type { RegistryFeature } from './registry-features.js';
import { namesPage, referrersPage } from './registry-listings.js';
import { RegistryUploads, type UploadContext } from './registry-uploads.js';

const nameGrammar =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagGrammar = /^\w[\w.-]{0,127}$/;
const manifestLimit = 4 * 1024 * 1024;

/**
 * The routes of the distribution specification 1.1: pull, push, content discovery and content
 * management, over content in memory.
 */
export class RegistryRoutes {
  readonly #context: UploadContext;
  readonly #uploads: RegistryUploads;

  constructor(context: UploadContext) {
    this.#context = context;
    this.#uploads = new RegistryUploads(context);
  }

  async answer(request: RegistryRequest): Promise<Answer> {
    const { url, method } = request;
    const { repositories, traits } = this.#context;
    if (/^\/v2\/?$/.test(url.pathname)) {
      const version = { 'docker-distribution-api-version': 'registry/2.0' };
      return isRead(method) ? jsonAnswer(200, {}, version) : notAllowed();
    }
    if (url.pathname === '/v2/_catalog') {
      const names = [...repositories.keys()];
      return isRead(method)
        ? namesPage(url, names, 'repositories', {}, traits.pageSize)
        : notAllowed();
    }
    const route = /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs|tags|referrers)\/([^/]*)$/;
    const [, name, kind, last = ''] = route.exec(url.pathname) ?? [];
    if (name === undefined) return failure(404, 'UNSUPPORTED', 'no such endpoint');
    if (!nameGrammar.test(name)) return failure(400, 'NAME_INVALID', 'invalid repository name');
    switch (kind) {
      case 'manifests':
        return this.#manifests(request, name, last);
      case 'blobs':
        return this.#blobs(request, name, last);
      case 'blobs/uploads':
        return this.#uploads.answer(request, name, last);
      case 'tags':
        return this.#tags(request, name, last);
      default:
        return this.#referrers(request, name, last);
    }
  }

  async #manifests(request: RegistryRequest, name: string, reference: string): Promise<Answer> {
    if (!isDigest(reference) && !tagGrammar.test(reference)) {
      return failure(400, 'MANIFEST_INVALID', 'neither a tag nor a digest');
    }
    if (request.method === 'PUT') return this.#putManifest(request, name, reference);
    const repository = this.#context.repositories.get(name);
    const digest = repository?.find(reference);
    const manifest = digest === undefined ? undefined : repository?.manifests.get(digest);
    if (repository === undefined || digest === undefined || manifest === undefined) {
      return failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    }
    if (request.method === 'DELETE') {
      return this.#delete(() => repository.remove(reference));
    }
    const headers = {
      'content-type': manifest.mediaType,
      'docker-content-digest': digest,
      etag: `"${digest}"`,
    };
    return isRead(request.method) ? { status: 200, headers, body: manifest.bytes } : notAllowed();
  }

  async #putManifest(request: RegistryRequest, name: string, reference: string): Promise<Answer> {
    const bytes = await wholeBody(request, manifestLimit);
    if (bytes === undefined) return failure(413, 'SIZE_INVALID', 'the manifest is over 4 MiB');
    const mediaType = request.headers['content-type'] ?? '';
    const document = documentOf(bytes);
    if (document === undefined || (document.mediaType ?? mediaType) !== mediaType) {
      return failure(400, 'MANIFEST_INVALID', `not a manifest of type '${mediaType}'`);
    }
    const repository = this.#context.repository(name);
    const missing = missingIn(repository, document);
    if (missing !== undefined) return failure(400, 'MANIFEST_BLOB_UNKNOWN', `lacks ${missing}`);
    const condition = request.headers['if-match'];
    if (condition !== undefined && condition !== `"${repository.find(reference) ?? ''}"`) {
      return failure(412, 'MANIFEST_INVALID', 'another one has that name by now');
    }
    const digest = repository.put(reference, { mediaType, bytes });
    if (digest === undefined) return failure(400, 'DIGEST_INVALID', 'the digest differs');
    const { subject } = document;
    const listed = subject !== undefined && this.#context.has('referrers');
    return {
      status: 201,
      headers: {
        location: `/v2/${name}/manifests/${digest}`,
        'docker-content-digest': digest,
        ...(listed ? { 'oci-subject': subject.digest } : {}),
      },
    };
  }

  #blobs(request: RegistryRequest, name: string, digest: string): Answer {
    if (!isDigest(digest)) return failure(400, 'DIGEST_INVALID', 'not a digest that is known');
    const blobs = this.#context.repositories.get(name)?.blobs;
    const body = blobs?.get(digest);
    if (body === undefined) return failure(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    if (request.method === 'DELETE') return this.#delete(() => blobs?.delete(digest));
    if (!isRead(request.method)) return notAllowed();
    const headers = {
      'content-type': 'application/octet-stream',
      'docker-content-digest': digest,
      etag: `"${digest}"`,
      ...(this.#context.has('ranges') ? { 'accept-ranges': 'bytes' } : {}),
    };
    return { status: 200, headers, body };
  }

  #delete(remove: () => void): Answer {
    if (!this.#context.has('delete')) return notAllowed();
    remove();
    return { status: 202 };
  }

  #tags({ url, method }: RegistryRequest, name: string, list: string): Answer {
    const repository = this.#context.repositories.get(name);
    if (repository === undefined || list !== 'list') {
      return failure(404, 'NAME_UNKNOWN', 'repository name not known to registry');
    }
    if (!isRead(method)) return notAllowed();
    return namesPage(url, repository.tags.keys(), 'tags', { name }, this.#context.traits.pageSize);
  }

  #referrers({ url, method }: RegistryRequest, name: string, subject: string): Answer {
    if (!this.#context.has('referrers')) return failure(404, 'UNSUPPORTED', 'no such endpoint');
    if (!isRead(method)) return notAllowed();
    const repository = this.#context.repositories.get(name);
    return referrersPage(url, repository, subject, this.#context.traits.pageSize);
  }
}

/** What a registry of these repositories has. */
export function registryContext(
  repositories: Map<string, RepositoryContent>,
  repository: (name: string) => RepositoryContent,
  traits: UploadContext['traits'],
): UploadContext {
  const lacking = new Set<RegistryFeature>(traits.without);
  return { repositories, repository, traits, has: (feature) => !lacking.has(feature) };
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

function documentOf(bytes: Buffer): ManifestDocument | undefined {
  try {
    const json = JSON.parse(bytes.toString()) as unknown;
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    return isObject ? json : undefined;
  } catch {
    return undefined;
  }
}
