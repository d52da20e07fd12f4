import { digestOf, mediaTypes, parseManifest, type Descriptor } from '../../src/index.js';
import type { SampleImage } from '../../src/testing/index.js';

/** The image with its lowest layer a foreign one, which is at these addresses and not with it. */
export function withForeignLayer(image: SampleImage, urls: readonly string[]): SampleImage {
  const [manifest] = image.manifests.values();
  const [lowest, ...others] = parseManifest(manifest!.bytes).layers;
  const layers: Descriptor[] = [
    { ...lowest!, mediaType: mediaTypes.dockerForeignLayer, urls },
    ...others,
  ];
  const document = JSON.parse(manifest!.bytes.toString()) as object;
  const bytes = Buffer.from(JSON.stringify({ ...document, layers }));
  const { mediaType } = manifest!;
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  const blobs = new Map(image.blobs);
  blobs.delete(lowest!.digest);
  return {
    ...image,
    descriptor,
    layers,
    manifests: new Map([[descriptor.digest, { mediaType, bytes }]]),
    blobs,
  };
}
