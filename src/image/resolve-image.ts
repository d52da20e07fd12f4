import {
  bestPlatform,
  hostPlatform,
  isIndexType,
  isManifestType,
  parseConfig,
  parseIndex,
  parseManifest,
  shortDigest,
  type Descriptor,
  type DiffID,
  type Platform,
} from '../oci/index.js';
import type { FetchedManifest } from '../registry/index.js';
import { NotAnImageError, PlatformNotFoundError } from './errors.js';
import type { ResolvedImage } from './events.js';
import { checkForeign, type ForeignLayers } from './foreign-layers.js';
import { readDocument } from './read-document.js';
import type { ImageSource } from './seams.js';

/** An image with the documents that describe it. */
export interface DescribedImage {
  readonly image: ResolvedImage;
  /** The indexes that led to the manifest, outermost first. */
  readonly indexes: readonly FetchedManifest[];
  readonly manifest: FetchedManifest;
  readonly config: { readonly descriptor: Descriptor; readonly bytes: Uint8Array };
  /** One a layer, bottom-up; `undefined` for an artifact. */
  readonly diffIDs: readonly DiffID[] | undefined;
}

/** What of an image is meant, and may be. */
export interface ResolveOptions {
  readonly platform: Platform | undefined;
  readonly foreign: ForeignLayers;
}

/** Indexes within indexes that are followed. */
export const maxIndexDepth = 3;

/**
 * Follows a source's name to the manifest of one platform, and reads what describes it.
 *
 * @throws PlatformNotFoundError, NotAnImageError, and what the source throws.
 */
export async function resolveImage(
  source: ImageSource,
  { platform, foreign }: ResolveOptions,
  signal: AbortSignal,
): Promise<DescribedImage> {
  const root = await source.root(signal);
  const indexes: FetchedManifest[] = [];
  let current = root;
  while (isIndexType(current.descriptor.mediaType)) {
    indexes.push(current);
    if (indexes.length > maxIndexDepth) {
      throw new NotAnImageError(source.name, `its index is nested more than ${maxIndexDepth} deep`);
    }
    const descriptor = choose(source.name, current, platform);
    current = { descriptor, bytes: await source.manifest(descriptor, signal) };
  }
  return describe(source, root, indexes, current, { platform, foreign }, signal);
}

/** The ids that the progress of an image's layers comes under. */
export function layerIDs(layers: readonly Descriptor[]): string[] {
  return layers.map(({ digest }) => shortDigest(digest));
}

async function describe(
  source: ImageSource,
  root: FetchedManifest,
  indexes: readonly FetchedManifest[],
  manifest: FetchedManifest,
  { platform: wanted, foreign }: ResolveOptions,
  signal: AbortSignal,
): Promise<DescribedImage> {
  if (!isManifestType(manifest.descriptor.mediaType)) {
    throw new NotAnImageError(source.name, `it is a ${manifest.descriptor.mediaType}`);
  }
  const { config: descriptor, layers } = parseManifest(manifest.bytes);
  checkForeign(source.name, layers, foreign);
  const bytes = await readDocument(descriptor, () =>
    source.blob(descriptor, { offset: 0, signal }),
  );
  const config = isImageConfig(descriptor) ? parseConfig(bytes) : undefined;
  if (config !== undefined && config.rootFS.diffIDs.length !== layers.length) {
    const counts = `${layers.length} layers and ${config.rootFS.diffIDs.length} diffIDs`;
    throw new NotAnImageError(source.name, `its manifest and configuration disagree: ${counts}`);
  }
  if (wanted !== undefined && config !== undefined && bestPlatform(wanted, [config.platform]) < 0) {
    throw new PlatformNotFoundError(source.name, wanted, [config.platform]);
  }
  return {
    image: {
      reference: source.name,
      resolved: root.descriptor.digest,
      manifest: bare(manifest.descriptor),
      platform: config?.platform,
      config: descriptor.digest,
      layers: layers.map(bareLayer),
    },
    indexes,
    manifest,
    config: { descriptor, bytes },
    diffIDs: config?.rootFS.diffIDs,
  };
}

function choose(name: string, index: FetchedManifest, platform: Platform | undefined): Descriptor {
  const entries = parseIndex(index.bytes).manifests.filter(
    (entry) =>
      (isManifestType(entry.mediaType) || isIndexType(entry.mediaType)) &&
      // Attestations, which stand beside the images they are about.
      entry.platform?.os !== 'unknown',
  );
  const wanted = platform ?? hostPlatform();
  const best =
    entries[
      bestPlatform(
        wanted,
        entries.map((entry) => entry.platform),
      )
    ];
  if (best !== undefined) return best;
  const [only] = entries;
  // An index around one manifest needn't say what that one is for: its configuration does.
  if (only !== undefined && entries.length === 1 && only.platform === undefined) return only;
  const known = entries.flatMap((entry) => entry.platform ?? []);
  throw new PlatformNotFoundError(name, wanted, known);
}

function isImageConfig({ mediaType }: Descriptor): boolean {
  return /^application\/vnd\.(?:oci\.image\.config|docker\.container\.image)\./.test(mediaType);
}

/** As a layer, with the addresses where else it may be had. */
function bareLayer({ urls, ...layer }: Descriptor): Descriptor {
  return { ...bare(layer), ...(urls === undefined ? {} : { urls }) };
}

/** The descriptor without what only its place in a manifest or index says of it. */
function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
