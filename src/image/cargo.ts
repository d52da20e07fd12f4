import { isIndexType, type Descriptor, type DiffID } from '../oci/index.js';
import type { FetchedManifest } from '../registry/index.js';
import type { ImageDocument } from '../layer/index.js';
import type { ResolvedImage } from './events.js';
import { isForeign } from './foreign-layers.js';
import { configsOf, layersOf, readTree, unique, type ImageTree } from './image-tree.js';
import type { MoveOptions } from './move-options.js';
import { readReferrers, toldReferrers, type ReferrerTree } from './referrers.js';
import { layerIDs, resolveImage, type DescribedImage } from './resolve-image.js';
import type { ImageSource } from './seams.js';

/** What is brought to a target, in the order in which it goes there. */
export interface Cargo {
  readonly image: ResolvedImage;
  readonly layers: readonly Descriptor[];
  /** By layer, under what its progress comes. */
  readonly ids: readonly string[];
  /** By layer, where known. */
  readonly diffIDs: readonly DiffID[];
  readonly configs: readonly Descriptor[];
  /** Verified bytes of configurations that were read already, by digest. */
  readonly known: ReadonlyMap<string, Uint8Array>;
  /** Those that others point at before these. */
  readonly manifests: readonly FetchedManifest[];
  /** What refers to them, after what it refers to. */
  readonly referrers: readonly ReferrerTree[];
  /** What gets the name. */
  readonly root: FetchedManifest;
}

/** Finds out what of a source is to be moved. @throws what resolveImage and readTree throw. */
export async function loadCargo(
  source: ImageSource,
  options: MoveOptions,
  signal: AbortSignal,
): Promise<Cargo> {
  const { platform, platforms = 'one', foreignLayers: foreign = 'refuse' } = options;
  const root = platforms === 'all' ? await source.root(signal) : undefined;
  const cargo =
    root !== undefined && isIndexType(root.descriptor.mediaType)
      ? cargoOfTree(source.name, await readTree(source, root, foreign, signal))
      : cargoOf(await resolveImage(source, { platform, foreign }, signal));
  return options.referrers === 'all' ? withReferrers(source, cargo, options, signal) : cargo;
}

/** Without the layers that are kept elsewhere and needn't be at a target. */
export function withoutForeignLayers(cargo: Cargo): Cargo {
  const kept = cargo.layers.map((layer) => !isForeign(layer));
  const here = (_: unknown, index: number): boolean => kept[index] ?? false;
  const layers = cargo.layers.filter(here);
  const { referrers } = cargo.image;
  return {
    ...cargo,
    // What is told agrees with what is moved.
    image: {
      ...cargo.image,
      layers: cargo.image.layers.filter((layer) => !isForeign(layer)),
      ...(referrers && {
        referrers: referrers.map((each) => ({
          ...each,
          layers: each.layers.filter((layer) => !isForeign(layer)),
        })),
      }),
    },
    layers,
    ids: cargo.ids.filter(here),
    diffIDs: cargo.diffIDs.filter(here),
  };
}

/** With all that refers to what is moved. @throws what readReferrers throws. */
async function withReferrers(
  source: ImageSource,
  cargo: Cargo,
  { foreignLayers: foreign = 'refuse' }: MoveOptions,
  signal: AbortSignal,
): Promise<Cargo> {
  const subjects = [...cargo.manifests, cargo.root].map(({ descriptor }) => descriptor.digest);
  const referrers = await readReferrers(source, subjects, foreign, signal);
  const known = new Set(cargo.layers.map(({ digest }) => digest));
  const layers = unique(referrers.flatMap(({ tree }) => layersOf(tree))).filter(
    ({ digest }) => !known.has(digest),
  );
  const all = [...cargo.layers, ...layers];
  const moved = new Set(all.map(({ digest }) => digest));
  const configs = unique([...cargo.configs, ...referrers.flatMap(({ tree }) => configsOf(tree))]);
  return {
    ...cargo,
    image: { ...cargo.image, referrers: toldReferrers(referrers) },
    layers: all,
    ids: [...cargo.ids, ...layerIDs(layers)],
    configs: configs.filter(({ digest }) => !moved.has(digest)),
    referrers,
  };
}

/** The ids of what is told: the image's layers, and those of each of its referrers. */
export function toldIDs({ image, ids }: Cargo): string[] {
  const { layers, referrers = [] } = image;
  return [...ids.slice(0, layers.length), ...referrers.flatMap((each) => layerIDs(each.layers))];
}

/** An image of one platform. */
export function cargoOf({ image, config, manifest, diffIDs = [] }: DescribedImage): Cargo {
  const { layers } = image;
  const ids = layerIDs(layers);
  return {
    image,
    layers,
    ids,
    diffIDs,
    configs: [config.descriptor],
    known: new Map([[config.descriptor.digest, config.bytes]]),
    manifests: [],
    referrers: [],
    root: manifest,
  };
}

/** An index with all that it leads to, or an artifact. */
export function cargoOfTree(reference: string, tree: ImageTree): Cargo {
  const layers = layersOf(tree);
  return {
    image: imageOfTree(reference, tree),
    layers,
    ids: layerIDs(layers),
    diffIDs: [],
    configs: configsOf(tree),
    known: new Map(),
    manifests: tree.documents.slice(0, -1),
    referrers: [],
    root: tree.root,
  };
}

/** What is told of an index whose images are all moved. */
export function imageOfTree(reference: string, tree: ImageTree): ResolvedImage {
  const { descriptor } = tree.root;
  const { mediaType, digest, size } = descriptor;
  return {
    reference,
    resolved: digest,
    manifest: { mediaType, digest, size },
    platform: undefined,
    config: undefined,
    layers: layersOf(tree),
    images: tree.manifests.map(
      ({ descriptor: manifest, platform, manifest: { config, layers } }) => ({
        manifest,
        platform,
        config: config.digest,
        layers: layers.map((layer) => ({
          mediaType: layer.mediaType,
          digest: layer.digest,
          size: layer.size,
        })),
      }),
    ),
  };
}

/** The manifests and indexes of a tree as a store keeps them. */
export function documentsOf({ documents }: ImageTree): ImageDocument[] {
  return documents.map(({ descriptor: { digest }, bytes }) => ({ digest, bytes }));
}
