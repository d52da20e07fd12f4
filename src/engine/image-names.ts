import type { ImageRecord, Store } from '../layer/index.js';
import { formatReference, parseReference } from '../oci/index.js';

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
