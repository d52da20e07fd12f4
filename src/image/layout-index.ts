import {
  isIndexType,
  isManifestType,
  parseIndex,
  type Descriptor,
  type Digest,
} from '../oci/index.js';
import { referrerOf, type FetchedManifest } from '../registry/index.js';
import { ImageNotFoundError, ImageTreeLimitError } from './errors.js';
import { maxDocuments } from './image-tree.js';

/** The annotation that an image's tag stands under (OCI image spec, annotations.md). */
export const nameAnnotation = 'org.opencontainers.image.ref.name';

/** The version of layouts that is written (OCI image spec, image-layout.md, oci-layout). */
export const layoutVersion = '1.0.0';

/** What names an image in a layout: to us, and to containerd. */
const nameAnnotations: readonly string[] = [nameAnnotation, 'io.containerd.image.name'];

/**
 * A referrer as an entry of a layout's index, without a name: its annotations are those of its
 * manifest, and whoever may push a referrer mustn't choose what is found under a tag.
 */
export function referrerEntry(manifest: FetchedManifest): Descriptor {
  const { annotations = {}, ...bare } = referrerOf(manifest)?.entry ?? manifest.descriptor;
  const kept = Object.entries(annotations).filter(([key]) => !nameAnnotations.includes(key));
  return kept.length === 0 ? bare : { ...bare, annotations: Object.fromEntries(kept) };
}

/** The image of a tag in a layout's index; without a tag, the only one. @throws ImageNotFoundError */
export function chooseByTag(
  entries: readonly Descriptor[],
  tag: string | undefined,
  where: string,
): Descriptor {
  const named = entries.filter(
    ({ annotations }) => tag === undefined || annotations?.[nameAnnotation] === tag,
  );
  const [descriptor] = named;
  if (descriptor !== undefined && named.length === 1) return descriptor;
  const tags = entries.map(({ annotations }) => annotations?.[nameAnnotation]).filter(Boolean);
  const hint = `Its tags are: ${tags.join(', ') || 'none'}.`;
  throw new ImageNotFoundError(tag ?? 'without a tag', where, hint);
}

/** What of a layout's index has which subject. */
export type LayoutReferrers = ReadonlyMap<Digest, readonly Descriptor[]>;

/** How the tag of a list of referrers looks (distribution spec, Referrers Tag Schema). */
const listTag = /^sha(?:256|512)-[0-9a-f]{64}$/;

/** Tells whether an entry is a list of referrers, as some tools keep them beside images. */
export function isReferrersList({ mediaType, annotations }: Descriptor): boolean {
  return isIndexType(mediaType) && listTag.test(annotations?.[nameAnnotation] ?? '');
}

/**
 * Finds the referrers in a layout: the entries of its index that have a subject, and those on
 * lists under the tags that stand for such.
 *
 * @throws ImageTreeLimitError
 */
export async function referrersIn(
  entries: readonly Descriptor[],
  where: string,
  read: (descriptor: Descriptor) => Promise<Uint8Array>,
): Promise<LayoutReferrers> {
  const found = new Map<Digest, Descriptor[]>();
  const seen = new Set<Digest>();
  const open = [...entries];
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const { mediaType, digest, size } = entry;
    if (seen.has(digest) || !(isManifestType(mediaType) || isIndexType(mediaType))) continue;
    seen.add(digest);
    if (seen.size > maxDocuments) {
      throw new ImageTreeLimitError(where, `of more than ${maxDocuments} manifests`);
    }
    const bytes = await read(entry);
    if (isReferrersList(entry)) open.push(...parseIndex(bytes).manifests);
    const referrer = referrerOf({ descriptor: { mediaType, digest, size }, bytes });
    if (referrer === undefined) continue;
    found.set(referrer.subject, [...(found.get(referrer.subject) ?? []), referrer.entry]);
  }
  return found;
}

/** An image that is asked for without a tag may have its referrers beside it. */
export function withoutReferrers(
  entries: readonly Descriptor[],
  referrers: LayoutReferrers,
): Descriptor[] {
  const digests = new Set([...referrers.values()].flat().map(({ digest }) => digest));
  return entries.filter((entry) => !isReferrersList(entry) && !digests.has(entry.digest));
}
