import type { Duplex } from 'node:stream';
import * as zlib from 'node:zlib';
import { layerCompression, type Compression } from '../oci/index.js';
import { createNativeZstd } from './native-zstd.js';
import { PortableZstd } from './portable-zstd.js';

/** Bytes that {@link detectCompression} needs to see of a layer's beginning. */
export const magicLength = 4;

const bufferSize = 512 * 1024;

/**
 * How a layer is compressed: by its first bytes, since media types are known to lie, else by its
 * media type. Docker and containerd decide the same way.
 */
export function detectCompression(head: Uint8Array, mediaType: string): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (isZstdMagic(head)) return 'zstd';
  // A tar can't begin like either, so what states a compression and lacks its magic is damaged
  // or empty: the decompressor says so in its own words.
  return layerCompression(mediaType) ?? 'none';
}

/**
 * A stream that decompresses, `undefined` where there is nothing to do. gzip takes concatenated
 * members (RFC 1952), zstd concatenated and skippable frames (RFC 8878).
 */
export function createDecompressor(compression: Compression): Duplex | undefined {
  switch (compression) {
    case 'none':
      return undefined;
    case 'gzip':
      return zlib.createGunzip({ chunkSize: bufferSize });
    case 'zstd':
      return (
        createNativeZstd({ chunkSize: bufferSize }) ?? new PortableZstd({ chunkSize: bufferSize })
      );
  }
}

function isZstdMagic(head: Uint8Array): boolean {
  const [first = 0, second, third, fourth] = head;
  const isFrame = first === 0x28 && second === 0xb5 && third === 0x2f && fourth === 0xfd;
  const isSkippable = first >> 4 === 0x5 && second === 0x2a && third === 0x4d && fourth === 0x18;
  return isFrame || isSkippable;
}
