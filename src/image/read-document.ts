import {
  maxDocumentSize,
  DigestMismatchError,
  DocumentTooLargeError,
  SizeMismatchError,
} from '../layer/index.js';
import { digestAlgorithm, digestOf, type BlobBody, type Descriptor } from '../oci/index.js';

/**
 * Reads a configuration or manifest whole, and verifies it.
 *
 * @throws DocumentTooLargeError, SizeMismatchError, DigestMismatchError
 */
export async function readDocument(
  descriptor: Descriptor,
  open: () => Promise<BlobBody>,
): Promise<Uint8Array> {
  const { digest, size } = descriptor;
  if (size > maxDocumentSize) throw new DocumentTooLargeError(digest, size, maxDocumentSize);
  const { stream } = await open();
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop destroys the stream.
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > size) throw new SizeMismatchError(digest, size, length);
    chunks.push(chunk);
  }
  return verified(descriptor, Buffer.concat(chunks));
}

/** @throws SizeMismatchError, DigestMismatchError */
export function verified({ digest, size }: Descriptor, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== size) throw new SizeMismatchError(digest, size, bytes.length);
  const actual = digestOf(bytes, digestAlgorithm(digest));
  if (actual !== digest) throw new DigestMismatchError(digest, actual);
  return bytes;
}
