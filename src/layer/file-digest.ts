import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { finishDigest, type Digest, type DigestAlgorithm } from '../oci/index.js';

/** The digest of a file's bytes. */
export async function digestOfFile(
  file: string,
  algorithm: DigestAlgorithm,
  signal: AbortSignal,
): Promise<Digest> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file, { highWaterMark: 256 * 1024 }), hash, { signal });
  return finishDigest(hash, algorithm);
}
