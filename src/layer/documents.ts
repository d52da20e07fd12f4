import { digestAlgorithm, digestOf, type Digest } from '../oci/index.js';
import { DigestMismatchError, DocumentTooLargeError } from './errors.js';

/** Bytes that a manifest, an index or a configuration may have: what registries accept too. */
export const maxDocumentSize = 4 * 1024 * 1024;

/** @throws DocumentTooLargeError, DigestMismatchError */
export function checkDocument(digest: Digest, bytes: Uint8Array): void {
  if (bytes.length > maxDocumentSize) {
    throw new DocumentTooLargeError(digest, bytes.length, maxDocumentSize);
  }
  const actual = digestOf(bytes, digestAlgorithm(digest));
  if (actual !== digest) throw new DigestMismatchError(digest, actual);
}
