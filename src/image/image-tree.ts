import {
  isIndexType,
  isManifestType,
  parseIndex,
  parseManifest,
  type Descriptor,
  type Digest,
  type ImageManifest,
  type Platform,
} from '../oci/index.js';
import type { FetchedManifest } from '../registry/index.js';
import { ImageTreeLimitError, NotAnImageError } from './errors.js';
import { checkForeign, type ForeignLayers } from './foreign-layers.js';
import { maxIndexDepth } from './resolve-image.js';
import { mapAtMost } from './map-at-most.js';
import type { ImageSource } from './seams.js';

/** A manifest in an index, with what the index says of it. */
export interface TreeManifest {
  readonly descriptor: Descriptor;
  /** `undefined` where neither the index nor anything else says. */
  readonly platform: Platform | undefined;
  readonly manifest: ImageManifest;
}

/** What a name stands for, whole: a manifest, or an index with all that it leads to. */
export interface ImageTree {
  readonly root: FetchedManifest;
  /** Each manifest and index once, and after those that it points at: the root is the last. */
  readonly documents: readonly FetchedManifest[];
  /** The manifests among them, in the order of the indexes. */
  readonly manifests: readonly TreeManifest[];
}

/** Manifests and indexes that an index may lead to. */
export const maxDocuments = 1000;
/** Bytes that they may have together, since they are held in memory. */
export const maxBytes = 64 * 1024 * 1024;
/** Manifests that are asked for at a time. */
const width = 8;

/**
 * Reads a manifest or index, and all manifests and indexes that it leads to.
 *
 * @throws ImageTreeLimitError, NotAnImageError, and what the source throws.
 */
export async function readTree(
  source: ImageSource,
  root: FetchedManifest,
  foreign: ForeignLayers,
  signal: AbortSignal,
): Promise<ImageTree> {
  const found = new Map<Digest, FetchedManifest>([[root.descriptor.digest, root]]);
  let bytes = root.bytes.length;
  let level: readonly FetchedManifest[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    const next = new Map<Digest, Descriptor>();
    for (const entry of level.flatMap((document) => entriesOf(source, document))) {
      if (!found.has(entry.digest)) next.set(entry.digest, entry);
    }
    bytes += [...next.values()].reduce((sum, { size }) => sum + size, 0);
    if (depth === maxIndexDepth && next.size > 0) {
      throw new ImageTreeLimitError(source.name, `more than ${maxIndexDepth} indexes deep`);
    }
    if (found.size + next.size > maxDocuments) {
      throw new ImageTreeLimitError(source.name, `of more than ${maxDocuments} manifests`);
    }
    if (bytes > maxBytes) {
      throw new ImageTreeLimitError(source.name, `of manifests over ${maxBytes} bytes together`);
    }
    level = await readAll(source, [...next.values()], signal);
    for (const document of level) found.set(document.descriptor.digest, document);
  }
  return treeOf(source, root, found, foreign);
}

/** The layers of all manifests, each once. */
export function layersOf({ manifests }: ImageTree): Descriptor[] {
  return unique(manifests.flatMap(({ manifest }) => manifest.layers));
}

/** The configurations of all manifests, each once, but for those that are layers too. */
export function configsOf(tree: ImageTree): Descriptor[] {
  const layers = new Set(layersOf(tree).map(({ digest }) => digest));
  const configs = unique(tree.manifests.map(({ manifest }) => manifest.config));
  return configs.filter(({ digest }) => !layers.has(digest));
}

/** Each digest once, without what only its place says of it. */
export function unique(descriptors: readonly Descriptor[]): Descriptor[] {
  const known = new Map<Digest, Descriptor>();
  for (const { mediaType, digest, size, urls } of descriptors) {
    const bare = { mediaType, digest, size, ...(urls === undefined ? {} : { urls }) };
    if (!known.has(digest)) known.set(digest, bare);
  }
  return [...known.values()];
}

function entriesOf(source: ImageSource, { descriptor, bytes }: FetchedManifest): Descriptor[] {
  if (!isIndexType(descriptor.mediaType)) return [];
  const entries = parseIndex(bytes).manifests;
  for (const { mediaType, digest } of entries) {
    if (isIndexType(mediaType) || isManifestType(mediaType)) continue;
    // It isn't known where it is kept, nor what else belongs to it.
    throw new NotAnImageError(source.name, `the entry ${digest} of its index is a ${mediaType}`);
  }
  return [...entries];
}

function readAll(
  source: ImageSource,
  descriptors: readonly Descriptor[],
  signal: AbortSignal,
): Promise<FetchedManifest[]> {
  return mapAtMost(width, descriptors, async (descriptor) => {
    const { mediaType, digest, size } = descriptor;
    const bytes = await source.manifest(descriptor, signal);
    return { descriptor: { mediaType, digest, size }, bytes };
  });
}

function treeOf(
  source: ImageSource,
  root: FetchedManifest,
  found: ReadonlyMap<Digest, FetchedManifest>,
  foreign: ForeignLayers,
): ImageTree {
  const documents = new Map<Digest, FetchedManifest>();
  const manifests: TreeManifest[] = [];
  const visit = (document: FetchedManifest, platform: Platform | undefined): void => {
    const { descriptor, bytes } = document;
    if (documents.has(descriptor.digest)) return;
    for (const entry of entriesOf(source, document)) {
      const inner = found.get(entry.digest);
      if (inner !== undefined) visit(inner, entry.platform);
    }
    documents.set(descriptor.digest, document);
    if (isIndexType(descriptor.mediaType)) return;
    if (!isManifestType(descriptor.mediaType)) {
      throw new NotAnImageError(source.name, `it is a ${descriptor.mediaType}`);
    }
    const manifest = parseManifest(bytes);
    checkForeign(source.name, manifest.layers, foreign);
    manifests.push({ descriptor, platform, manifest });
  };
  visit(root, undefined);
  return { root, documents: [...documents.values()], manifests };
}
