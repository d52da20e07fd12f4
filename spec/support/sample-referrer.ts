import { digestOf, mediaTypes, type Descriptor } from '../../src/index.js';
import type { SampleImage } from '../../src/testing/index.js';

/** An artifact without layers that has something as its subject (OCI image spec, manifest.md). */
export function sampleReferrer(
  { mediaType, digest, size }: Descriptor,
  artifactType: string,
  content: string,
  annotations: Readonly<Record<string, string>> = { about: artifactType },
): SampleImage {
  const empty = Buffer.from('{}');
  const layer = Buffer.from(content);
  const blob = (type: string, bytes: Buffer): Descriptor => ({
    mediaType: type,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const config = blob(mediaTypes.ociEmpty, empty);
  const layers = [blob('any/thing', layer)];
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType,
    config,
    layers,
    subject: { mediaType, digest, size },
    annotations,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const descriptor = blob(mediaTypes.ociManifest, bytes);
  return {
    descriptor,
    layers,
    diffIDs: [],
    manifests: new Map([[descriptor.digest, { mediaType: descriptor.mediaType, bytes }]]),
    blobs: new Map([
      [config.digest, empty],
      [digestOf(layer), layer],
    ]),
  };
}
