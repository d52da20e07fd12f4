import { digestAlgorithm, digestOf, isDigest, type Descriptor, type Digest } from '../oci/index.js';
import type { SampleImage } from './sample-image.js';

/** A manifest as a registry keeps it. */
export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** The parts of a manifest or index that a registry looks at. */
export interface ManifestDocument {
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What one repository holds. Specs may change it at any time. */
export class RepositoryContent {
  readonly manifests = new Map<Digest, StoredManifest>();
  readonly blobs = new Map<Digest, Buffer>();
  readonly tags = new Map<string, Digest>();

  /** The digest that a tag or digest stands for, when there is such a manifest. */
  find(reference: string): Digest | undefined {
    const digest = isDigest(reference) ? reference : this.tags.get(reference);
    return digest !== undefined && this.manifests.has(digest) ? digest : undefined;
  }

  /** Keeps a manifest under its digest, and under a tag when `reference` is one. */
  put(reference: string, manifest: StoredManifest): Digest | undefined {
    const algorithm = isDigest(reference) ? digestAlgorithm(reference) : 'sha256';
    const digest = digestOf(manifest.bytes, algorithm);
    if (isDigest(reference) && reference !== digest) return undefined;
    this.manifests.set(digest, manifest);
    if (!isDigest(reference)) this.tags.set(reference, digest);
    return digest;
  }

  /** Adds a whole image under a tag. */
  add(tag: string, image: SampleImage): void {
    for (const [digest, bytes] of image.blobs) this.blobs.set(digest, bytes);
    for (const [digest, manifest] of image.manifests) this.manifests.set(digest, manifest);
    this.tags.set(tag, image.descriptor.digest);
  }

  /** Removes a tag alone, or a manifest with all the tags that lead to it. */
  remove(reference: string): void {
    if (!isDigest(reference)) {
      this.tags.delete(reference);
      return;
    }
    this.manifests.delete(reference);
    for (const [tag, digest] of this.tags) if (digest === reference) this.tags.delete(tag);
  }
}

/** The first blob or manifest that a document needs and that a repository doesn't have. */
export function missingIn(
  repository: RepositoryContent,
  { config, layers = [], manifests = [] }: ManifestDocument,
): Digest | undefined {
  const blobs = [...(config === undefined ? [] : [config]), ...layers];
  const missing =
    blobs.find(({ digest, urls }) => urls === undefined && !repository.blobs.has(digest)) ??
    manifests.find(({ digest }) => !repository.manifests.has(digest));
  return missing?.digest;
}

/** What has `subject` as its subject (distribution spec, Listing Referrers). */
export function referrersIn(
  repository: RepositoryContent,
  subject: Digest,
): (Descriptor & { readonly artifactType?: string })[] {
  return [...repository.manifests].flatMap(([digest, { mediaType, bytes }]) => {
    const document = JSON.parse(bytes.toString()) as ManifestDocument;
    if (document.subject?.digest !== subject) return [];
    const artifactType = document.artifactType ?? document.config?.mediaType;
    const { annotations } = document;
    return [
      {
        mediaType,
        digest,
        size: bytes.length,
        ...(artifactType === undefined ? {} : { artifactType }),
        ...(annotations === undefined ? {} : { annotations }),
      },
    ];
  });
}
