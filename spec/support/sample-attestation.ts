import { digestOf, mediaTypes, type Descriptor, type Digest } from '../../src/index.js';
import type { SampleImage } from '../../src/testing/index.js';

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** An attestation about an image, as buildkit puts them into an index beside it. */
export function sampleAttestation(image: SampleImage): SampleImage {
  const blobs = new Map<Digest, Buffer>();
  const keep = (mediaType: string, bytes: Buffer): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const statement = keep(
    'application/vnd.in-toto+json',
    json({ subject: image.descriptor.digest }),
  );
  const rootfs = { type: 'layers', diff_ids: [statement.digest] };
  const platform = { os: 'unknown', architecture: 'unknown' };
  const config = keep(mediaTypes.ociConfig, json({ ...platform, config: {}, rootfs }));
  const mediaType = mediaTypes.ociManifest;
  const bytes = json({ schemaVersion: 2, mediaType, config, layers: [statement] });
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length, platform };
  const manifests = new Map([[descriptor.digest, { mediaType, bytes }]]);
  return { descriptor, layers: [statement], diffIDs: [], manifests, blobs };
}
