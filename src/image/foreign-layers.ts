import { isForeignLayerType, type Descriptor } from '../oci/index.js';
import { ForeignLayerError } from './errors.js';

/**
 * What is done with layers that are kept elsewhere than on the registry, by their `urls` or media
 * type, as Windows' base layers once were. `refuse`: such an image isn't moved. `fetch`: they are
 * taken where the source has them, or a registry's source from their `urls`, and left out of what
 * is pushed. `push`: they are fetched so, and pushed like any other.
 */
export type ForeignLayers = 'refuse' | 'fetch' | 'push';

/** Tells whether a layer may not be where the image is. */
export function isForeign({ mediaType, urls = [] }: Descriptor): boolean {
  return urls.length > 0 || isForeignLayerType(mediaType);
}

/** @throws ForeignLayerError where there is one that isn't to be followed. */
export function checkForeign(
  reference: string,
  layers: readonly Descriptor[],
  foreign: ForeignLayers,
): void {
  const found = foreign === 'refuse' ? layers.find(isForeign) : undefined;
  if (found !== undefined) throw new ForeignLayerError(reference, found.digest);
}
