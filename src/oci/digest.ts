import { createHash, type Hash } from 'node:crypto';
import { RxferError } from '../transfer/index.js';

declare const brand: unique symbol;

/** `algorithm:hex` of a blob or manifest as it is transferred (OCI image spec, descriptor.md). */
export type Digest = string & { readonly [brand]: 'Digest' };
/** The digest of a layer's uncompressed tar (OCI image spec, config.md). */
export type DiffID = string & { readonly [brand]: 'DiffID' };
/** The digest that names a layer together with all the layers below it (config.md, ChainID). */
export type ChainID = string & { readonly [brand]: 'ChainID' };

/** The algorithms that rxfer verifies; any other is refused. */
export type DigestAlgorithm = 'sha256' | 'sha512';

/** A digest, diffID or chainID that is malformed or of an unknown algorithm. */
export class InvalidDigestError extends RxferError {
  override readonly name = 'InvalidDigestError';

  constructor(text: string) {
    super('ERR_INVALID_DIGEST', `'${text.slice(0, 200)}' is not a sha256 or sha512 digest`, {
      hint: "A digest reads 'sha256:' and 64 lower-case hex digits, or 'sha512:' and 128.",
    });
  }
}

const grammar = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Tells whether `text` is a well-formed digest of a known algorithm. */
export function isDigest(text: string): text is Digest {
  return grammar.test(text);
}

/** @throws InvalidDigestError unless `text` is a well-formed digest of a known algorithm. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new InvalidDigestError(text);
  return text;
}

/** @throws InvalidDigestError unless `text` is a well-formed diffID. */
export function parseDiffID(text: string): DiffID {
  return parseDigest(text) as string as DiffID;
}

/** @throws InvalidDigestError unless `text` is a well-formed chainID. */
export function parseChainID(text: string): ChainID {
  return parseDigest(text) as string as ChainID;
}

/** The algorithm that a digest, diffID or chainID was made with. */
export function digestAlgorithm(digest: Digest | DiffID | ChainID): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The hex digits of a digest, diffID or chainID. */
export function digestHex(digest: Digest | DiffID | ChainID): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The first 12 hex digits: what people read. */
export function shortDigest(digest: Digest | DiffID | ChainID): string {
  return digestHex(digest).slice(0, 12);
}

/** The digest of bytes that are at hand. */
export function digestOf(
  bytes: Uint8Array | string,
  algorithm: DigestAlgorithm = 'sha256',
): Digest {
  return finishDigest(createHash(algorithm).update(bytes), algorithm);
}

/** Tells whether a digest is that of bytes that are at hand. */
export function isDigestOf(digest: Digest, bytes: Uint8Array): boolean {
  return digestOf(bytes, digestAlgorithm(digest)) === digest;
}

/** The digest of what was fed to `hash`, which can't be fed any more. */
export function finishDigest(hash: Hash, algorithm: DigestAlgorithm): Digest {
  return `${algorithm}:${hash.digest('hex')}` as Digest;
}
