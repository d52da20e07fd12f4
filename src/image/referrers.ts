import { isIndexType, isManifestType, type Descriptor, type Digest } from '../oci/index.js';
import { isMissing, referrerOf, type FetchedManifest } from '../registry/index.js';
import { ImageTreeLimitError, lacksBlob } from './errors.js';
import type { Referrer } from './events.js';
import type { ForeignLayers } from './foreign-layers.js';
import { layersOf, maxBytes, maxDocuments, readTree, type ImageTree } from './image-tree.js';
import { mapAtMost } from './map-at-most.js';
import type { ImageSource } from './seams.js';

/** What has a manifest as its subject, with all that it leads to itself. */
export interface ReferrerTree {
  readonly subject: Digest;
  /** As it stands on a list of referrers. */
  readonly entry: Descriptor;
  readonly tree: ImageTree;
}

/** Referrers of referrers that are followed. */
const maxDepth = 4;
/** Manifests whose referrers are asked for at a time. */
const width = 8;

/**
 * Finds what refers to manifests, what refers to that, and so on. Those that are listed and gone,
 * or that have another subject than the list says, are none.
 *
 * @throws ImageTreeLimitError, and what the source and readTree throw.
 */
export async function readReferrers(
  source: ImageSource,
  subjects: readonly Digest[],
  foreign: ForeignLayers,
  signal: AbortSignal,
): Promise<ReferrerTree[]> {
  const found = new Map<Digest, ReferrerTree>();
  const known = new Set(subjects);
  let bytes = 0;
  for (let [depth, level] = [0, subjects]; level.length > 0; depth++) {
    const listed = await mapAtMost(width, level, async (subject) => {
      const entries = await source.referrers(subject, signal);
      bytes += Buffer.byteLength(JSON.stringify(entries));
      checkLimits(source, { depth, bytes, count: known.size });
      return entries.map((entry) => ({ subject, entry }));
    });
    const fresh = listed.flat().filter(({ entry }) => isNew(entry, known));
    bytes += fresh.reduce((sum, { entry: { size } }) => sum + size, 0);
    checkLimits(source, { depth, bytes, count: known.size });
    const read = await mapAtMost(width, fresh, async ({ subject, entry }) => {
      const tree = await readReferrer(source, subject, entry, { foreign, signal });
      // As each is read, so that what is in memory stays near the limit.
      bytes += sizeBelow(tree?.tree);
      checkLimits(source, { depth, bytes, count: known.size });
      return tree;
    });
    const trees = read.flatMap((tree) => tree ?? []);
    for (const tree of trees) found.set(tree.entry.digest, tree);
    const documents = trees.flatMap(({ tree }) => tree.documents);
    level = documents.map(({ descriptor: { digest } }) => digest);
    for (const digest of level) known.add(digest);
  }
  return [...found.values()];
}

/** What is told of referrers that are moved along. */
export function toldReferrers(trees: readonly ReferrerTree[]): Referrer[] {
  return trees.map(({ subject, entry, tree }) => ({
    manifest: entry,
    subject,
    layers: layersOf(tree),
  }));
}

/** Bytes of the documents that a referrer leads to; its own are counted where it is listed. */
function sizeBelow(tree: ImageTree | undefined): number {
  const { documents = [], root } = tree ?? {};
  return documents
    .filter(({ descriptor: { digest } }) => digest !== root?.descriptor.digest)
    .reduce((sum, { descriptor: { size } }) => sum + size, 0);
}

/** Notes an entry that wasn't known. */
function isNew({ mediaType, digest }: Descriptor, known: Set<Digest>): boolean {
  if (known.has(digest) || !(isManifestType(mediaType) || isIndexType(mediaType))) return false;
  known.add(digest);
  return true;
}

/** @throws ImageTreeLimitError */
function checkLimits(
  { name }: ImageSource,
  {
    depth,
    bytes,
    count,
  }: { readonly depth: number; readonly bytes: number; readonly count: number },
): void {
  if (depth > maxDepth) {
    throw new ImageTreeLimitError(name, `with referrers of referrers more than ${maxDepth} deep`);
  }
  if (count > maxDocuments) {
    throw new ImageTreeLimitError(name, `of more than ${maxDocuments} manifests and referrers`);
  }
  if (bytes > maxBytes) {
    throw new ImageTreeLimitError(name, `with referrers over ${maxBytes} bytes together`);
  }
}

async function readReferrer(
  source: ImageSource,
  subject: Digest,
  { mediaType, digest, size }: Descriptor,
  { foreign, signal }: { readonly foreign: ForeignLayers; readonly signal: AbortSignal },
): Promise<ReferrerTree | undefined> {
  const descriptor = { mediaType, digest, size };
  // Lists that clients keep under tags may name what was deleted since.
  const bytes = await source.manifest(descriptor, signal).catch((error: unknown) => {
    if (isMissing(error) || lacksBlob(error)) return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  const root: FetchedManifest = { descriptor, bytes };
  const referrer = referrerOf(root);
  if (referrer?.subject !== subject) return undefined;
  return { subject, entry: referrer.entry, tree: await readTree(source, root, foreign, signal) };
}
