import {
  maxDocumentSize,
  DigestMismatchError,
  DocumentTooLargeError,
  isMismatch,
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
  for (;;) {
    const body = await open();
    try {
      return verified(descriptor, await readAll(body, descriptor));
    } catch (error) {
      if (!isMismatch(error) || body.distrust?.() !== true) throw error;
    }
  }
}

/** @throws SizeMismatchError, DigestMismatchError */
export function verified({ digest, size }: Descriptor, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== size) throw new SizeMismatchError(digest, size, bytes.length);
  const actual = digestOf(bytes, digestAlgorithm(digest));
  if (actual !== digest) throw new DigestMismatchError(digest, actual);
  return bytes;
}

async function readAll({ stream }: BlobBody, { digest, size }: Descriptor): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop destroys the stream.
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > size) throw new SizeMismatchError(digest, size, length);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
