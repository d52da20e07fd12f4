import type { IndexedImage, Referrer, ResolvedImage } from '../image/index.js';
import { formatPlatform, type Digest } from '../oci/index.js';
import { counted } from './counted.js';

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

/** What refers to an image, as programs read it. */
export function referrersJson(referrers: readonly Referrer[]): object[] {
  return referrers.map(({ manifest: { digest, artifactType }, subject }) => ({
    digest,
    artifactType,
    subject,
  }));
}

/** How much there is beside layers, as people read it before their number. */
export function imagesText({ images, referrers }: ResolvedImage): string {
  return listed(images, 'image') + listed(referrers, 'referrer');
}

function listed(list: readonly unknown[] | undefined, what: string): string {
  return list === undefined ? '' : `${counted(list.length, what)}, `;
}
