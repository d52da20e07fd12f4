import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';

/** node:zlib has had zstd since 22.15 and 23.8; the types of Node 20 don't know of it. */
const { createZstdDecompress } = zlib as {
  createZstdDecompress?: (options: { readonly chunkSize: number }) => Transform;
};

/** Decompresses zstd with node:zlib, `undefined` where that can't. */
export function createNativeZstd(options: { readonly chunkSize: number }): Transform | undefined {
  return createZstdDecompress?.(options);
}
