import { Readable } from 'node:stream';
import { parseReference, type RegistryClient } from '../../src/index.js';
import type { SampleImage } from '../../src/testing/index.js';

/** Pushes a sample image or index with the client alone, the root last. */
export async function pushSample(
  client: RegistryClient,
  name: string,
  image: SampleImage,
): Promise<void> {
  const { signal } = new AbortController();
  const reference = parseReference(name);
  const { host, path } = reference;
  for (const [digest, bytes] of image.blobs) {
    const blob = { mediaType: 'any/thing', digest, size: bytes.length };
    const open = (): Promise<Readable> => Promise.resolve(Readable.from([bytes]));
    await client.upload({ host, path }, blob, open, { signal });
  }
  for (const [digest, { mediaType, bytes }] of image.manifests) {
    const isRoot = digest === image.descriptor.digest;
    const descriptor = { mediaType, digest, size: bytes.length };
    const to = isRoot ? reference : { host, path, digest };
    await client.putManifest(to, { descriptor, bytes }, signal);
  }
}
