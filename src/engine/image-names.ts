import type { ImageRecord, Store } from '../layer/index.js';
import {
  digestHex,
  formatReference,
  parseReference,
  type Digest,
  type Repository,
} from '../oci/index.js';

/** Where images are kept that have no name: a host that can't be (RFC 2606). */
const unnamed: Repository = { host: 'unnamed.invalid', path: 'image' };

/** What a store, which has images by name alone, keeps an image under that has none. */
export function unnamedReference(id: Digest): string {
  return formatReference({ ...unnamed, tag: digestHex(id) });
}

/** Tells whether a record is that of an image without a name. */
export function isUnnamed({ reference }: ImageRecord): boolean {
  return reference.startsWith(`${unnamed.host}/${unnamed.path}:`);
}

/**
 * A name and what Docker's clients state beside it, a tag or a digest, as a reference. What the name
 * has of its own gives way to it.
 *
 * @throws InvalidReferenceError
 */
export function withTag(name: string, tag: string): string {
  if (tag === '') return name;
  const { host, path } = parseReference(name);
  return `${formatReference({ host, path })}${/^sha(?:256|512):/.test(tag) ? '@' : ':'}${tag}`;
}

/** Tells whether it has neither tag nor digest, which may mean all that there are. */
export function isBare(name: string): boolean {
  return !/[:@]/.test(name.slice(name.lastIndexOf('/') + 1));
}

/** The images of a repository that have a tag. @throws InvalidReferenceError */
export async function taggedImages(store: Store, repository: string): Promise<ImageRecord[]> {
  const { host, path } = parseReference(repository);
  return (await store.images.list()).filter(({ reference }) => {
    const own = parseReference(reference);
    return own.host === host && own.path === path && own.digest === undefined;
  });
}
