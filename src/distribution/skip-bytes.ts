import { pipeline, Transform, type Readable } from 'node:stream';

/**
 * The stream without its first bytes, for a source that sent a blob from its beginning when asked
 * for a later part. An error or the end of either stream reaches the other.
 */
export function skipBytes(source: Readable, count: number): Readable {
  if (count === 0) return source;
  let left = count;
  const rest = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const skipped = Math.min(left, chunk.length);
      left -= skipped;
      if (skipped < chunk.length) this.push(chunk.subarray(skipped));
      done();
    },
  });
  // The outcome is that of `rest`, which its reader hears.
  return pipeline(source, rest, () => undefined);
}
