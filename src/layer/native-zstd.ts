import type { Transform, TransformCallback } from 'node:stream';
import * as zlib from 'node:zlib';
import { ZstdFrames } from './zstd-frames.js';

/** node:zlib has had zstd since 22.15 and 23.8; the types of Node 20 don't know of it. */
const { createZstdDecompress } = zlib as {
  createZstdDecompress?: (options: { readonly chunkSize: number }) => Transform;
};

/**
 * Decompresses zstd with node:zlib, `undefined` where that can't.
 *
 * Node takes a frame's end within a chunk for the end of all, and drops what follows without a word
 * (https://github.com/nodejs/node/issues/64741): so it is given no more than one frame at a time.
 * Nor does Node 22 see that the end is missing.
 */
export function createNativeZstd(options: { readonly chunkSize: number }): Transform | undefined {
  const stream = createZstdDecompress?.(options);
  if (stream === undefined) return undefined;
  const frames = new ZstdFrames();
  const transform = stream._transform.bind(stream);
  const flush = stream._flush.bind(stream);

  stream._transform = (chunk: Buffer, encoding: BufferEncoding, done: TransformCallback): void => {
    let size: number;
    try {
      size = frames.advance(chunk);
    } catch (error) {
      done(error as Error);
      return;
    }
    if (size === chunk.length) {
      transform(chunk, encoding, done);
      return;
    }
    transform(chunk.subarray(0, size), encoding, (error) => {
      if (error != null || stream.destroyed) done(error);
      else stream._transform(chunk.subarray(size), encoding, done);
    });
  };
  stream._flush = (done): void => {
    if (frames.isBetweenFrames) flush(done);
    else done(new Error('unexpected end of file'));
  };
  return stream;
}
