import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestHex, type Digest } from '../../src/oci/index.js';
import type { SampleImage } from '../../src/testing/index.js';

/** Writes a sample image as an OCI image layout, for skopeo to push. */
export function writeSampleLayout(folder: string, tag: string, image: SampleImage): void {
  const blobs = join(folder, 'blobs', 'sha256');
  mkdirSync(blobs, { recursive: true });
  const write = (digest: Digest, bytes: Buffer): void =>
    writeFileSync(join(blobs, digestHex(digest)), bytes);
  for (const [digest, bytes] of image.blobs) write(digest, bytes);
  for (const [digest, { bytes }] of image.manifests) write(digest, bytes);
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const { mediaType, digest, size } = image.descriptor;
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  const index = { schemaVersion: 2, manifests: [{ mediaType, digest, size, annotations }] };
  writeFileSync(join(folder, 'index.json'), JSON.stringify(index));
}
