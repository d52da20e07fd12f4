import type { Store } from '../layer/index.js';
import {
  digestOf,
  formatReference,
  mediaTypes,
  parseDigest,
  parseReference,
  type Descriptor,
  type Digest,
  type Repository,
} from '../oci/index.js';
import { referrersTag, type FetchedManifest } from '../registry/index.js';

/** How the tag of a list of referrers looks (distribution spec, Referrers Tag Schema). */
const listTag = /^(sha(?:256|512))-([0-9a-f]{64})$/;

/** Tells whether a tag stands for a list of referrers. */
export function isListTag(tag: string): boolean {
  return listTag.test(tag);
}

/** The name, in full, of the list of a manifest's referrers in a store. */
export function referrersName({ host, path }: Repository, subject: Digest): string {
  return formatReference({ host, path, tag: referrersTag(subject) });
}

/**
 * What a stored list, by its name in full, is of. The tag has all of a sha256 digest, and the
 * beginning of another, which the names of the store may complete; `undefined` where none does,
 * or where the name is no list's.
 */
export async function subjectOf(store: Store, name: string): Promise<Digest | undefined> {
  const { host, path, tag = '' } = parseReference(name);
  const [, algorithm, hex = ''] = listTag.exec(tag) ?? [];
  if (algorithm === undefined) return undefined;
  if (algorithm === 'sha256') return parseDigest(`sha256:${hex}`);
  const records = await store.images.list();
  const subjects = records.map(({ manifest }) => manifest.digest);
  return subjects.find((subject) => referrersName({ host, path }, subject) === name);
}

/** A list as a store keeps it. */
export function listOf(entries: readonly Descriptor[]): FetchedManifest {
  const mediaType = mediaTypes.ociIndex;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: entries }));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}
