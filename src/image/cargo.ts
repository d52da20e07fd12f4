import { isIndexType, type Descriptor, type DiffID } from '../oci/index.js';
import type { FetchedManifest } from '../registry/index.js';
import type { ImageDocument } from '../layer/index.js';
import type { ResolvedImage } from './events.js';
import { isForeign } from './foreign-layers.js';
import { configsOf, layersOf, readTree, type ImageTree } from './image-tree.js';
import type { MoveOptions } from './move-options.js';
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
  /** Those that others point at before these. */
  readonly manifests: readonly FetchedManifest[];
  /** What gets the name. */
  readonly root: FetchedManifest;
}

/** Finds out what of a source is to be moved. @throws what resolveImage and readTree throw. */
export async function loadCargo(
  source: ImageSource,
  { platform, platforms = 'one', foreignLayers: foreign = 'refuse' }: MoveOptions,
  signal: AbortSignal,
): Promise<Cargo> {
  const root = platforms === 'all' ? await source.root(signal) : undefined;
  return root !== undefined && isIndexType(root.descriptor.mediaType)
    ? cargoOfTree(source.name, await readTree(source, root, foreign, signal))
    : cargoOf(await resolveImage(source, { platform, foreign }, signal));
}

/** Without the layers that are kept elsewhere and needn't be at a target. */
export function withoutForeignLayers(cargo: Cargo): Cargo {
  const kept = cargo.layers.map((layer) => !isForeign(layer));
  const here = (_: unknown, index: number): boolean => kept[index] ?? false;
  const layers = cargo.layers.filter(here);
  return {
    ...cargo,
    // What is told agrees with what is moved.
    image: { ...cargo.image, layers },
    layers,
    ids: cargo.ids.filter(here),
    diffIDs: cargo.diffIDs.filter(here),
  };
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
    manifests: [],
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
    manifests: tree.documents.slice(0, -1),
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
