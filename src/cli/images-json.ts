import type { IndexedImage, ResolvedImage } from '../image/index.js';
import { formatPlatform, type Digest } from '../oci/index.js';

/** An image of an index as programs read it. */
export interface IndexedImageJson {
  readonly digest: Digest;
  readonly platform: string | undefined;
  readonly config: Digest;
  readonly layers: readonly { readonly digest: Digest; readonly size: number }[];
}

/** The images of an index, each with its layers. */
export function imagesJson(images: readonly IndexedImage[]): IndexedImageJson[] {
  return images.map(({ manifest, platform, config, layers }) => ({
    digest: manifest.digest,
    platform: platform === undefined ? undefined : formatPlatform(platform),
    config,
    layers: layers.map(({ digest, size }) => ({ digest, size })),
  }));
}

/** How many images an index has, as people read it before the number of layers. */
export function imagesText({ images }: ResolvedImage): string {
  if (images === undefined) return '';
  return `${images.length} ${images.length === 1 ? 'image' : 'images'}, `;
}
