import { digestAlgorithm, digestOf, isDigest, type Digest } from '../oci/index.js';
import type { SampleImage } from './sample-image.js';

/** A manifest as a registry keeps it. */
export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** What one repository holds. */
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
}
