import fc from 'fast-check';
import { execFileSync } from 'node:child_process';

/** Bytes as zstd may have them, and what comes of them. */
export interface ZstdSample {
  readonly name: string;
  readonly bytes: Buffer;
  /** What they decode to, or what is said of them. */
  readonly outcome: Buffer | RegExp;
}

/** A frame by the command line of zstd. */
export function zstdFrame(content: Uint8Array, ...options: readonly string[]): Buffer {
  const maxBuffer = 256 * 1024 * 1024;
  return execFileSync('zstd', ['-cq', ...options], { input: content, maxBuffer });
}

export function skippableFrame(content: Uint8Array, kind = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a50 + kind, 0);
  header.writeUInt32LE(content.length, 4);
  return Buffer.concat([header, content]);
}

/** A frame that holds bytes as they are, in blocks of 128 KiB at most, and has no checksum. */
export function rawZstd(content: Buffer): Buffer {
  const largest = 128 * 1024;
  const parts: Buffer[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38])];
  for (let start = 0; start < content.length; start += largest) {
    const block = content.subarray(start, start + largest);
    const isLast = start + largest >= content.length;
    const header = Buffer.alloc(3);
    header.writeUIntLE((block.length << 3) | (isLast ? 1 : 0), 0, 3);
    parts.push(header, block);
  }
  return Buffer.concat(parts);
}

/**
 * One frame of so many zeros: run-length blocks, four bytes for 128 KiB each.
 *
 * @param window its descriptor: 0x38 says 128 KiB, 0x88 128 MiB.
 */
export function zstdZeros(size: number, window = 0x38): Buffer {
  const blocks: Buffer[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, window])];
  for (let left = size; left > 0; left -= 128 * 1024) {
    const length = Math.min(left, 128 * 1024);
    const header = (length << 3) | (1 << 1) | (left <= 128 * 1024 ? 1 : 0);
    blocks.push(Buffer.from([header & 0xff, (header >> 8) & 0xff, header >> 16, 0]));
  }
  return Buffer.concat(blocks);
}

const text = (word: string, times: number): Buffer => Buffer.from(`${word} `.repeat(times));

/** A sample of each rule. */
export function zstdSamples(): ZstdSample[] {
  const [a, b] = [text('layer', 50_000), text('upper', 300)];
  const [first, second] = [zstdFrame(a, '-19'), zstdFrame(b, '--no-check')];
  const nothing = zstdFrame(Buffer.alloc(0));
  const skipped = skippableFrame(Buffer.from('nobody reads this'), 7);
  const buffer = 512 * 1024;
  const fits = zstdFrame(Buffer.alloc(buffer));
  const wrongSum = Buffer.from(first);
  wrongSum[wrongSum.length - 1]! ^= 1;
  const damaged = Buffer.from(zstdFrame(Buffer.from(first.subarray(0, 200)), '--no-check'));
  damaged[6]! |= 0b110;
  const endless = Buffer.from(skipped.subarray(0, 8));
  endless.writeUInt32LE(0xf0000000, 4);
  const sample = (
    name: string,
    parts: readonly Buffer[],
    outcome: Buffer | RegExp,
  ): ZstdSample => ({
    name,
    bytes: Buffer.concat(parts),
    outcome,
  });
  const missing = /^unexpected end of file$/;
  return [
    sample('a frame', [first], a),
    sample('a frame with neither a checksum nor a size', [second], b),
    sample(
      'frames one after the other',
      [first, second, second, first],
      Buffer.concat([a, b, b, a]),
    ),
    sample(
      'skippable frames before, between and behind',
      [skipped, first, skipped, second, skipped],
      Buffer.concat([a, b]),
    ),
    sample('a skippable frame alone', [skipped], Buffer.alloc(0)),
    sample(
      'frames of nothing',
      [nothing, first, nothing, nothing, second, nothing],
      Buffer.concat([a, b]),
    ),
    sample(
      'frames that fill the buffer',
      [fits, fits, second],
      Buffer.concat([Buffer.alloc(2 * buffer), b]),
    ),
    sample('the largest window', [zstdZeros(1_000_000, 0x88)], Buffer.alloc(1_000_000)),
    sample('too large a window', [zstdZeros(1_000_000, 0x89)], /too much memory/),
    sample('nothing', [], missing),
    sample('no whole magic', [first.subarray(0, 3)], missing),
    sample('a frame without its last byte', [first.subarray(0, -1)], missing),
    sample('a frame without its last byte and a checksum', [second.subarray(0, -1)], missing),
    sample('a second frame without its last byte', [second, first.subarray(0, -1)], missing),
    sample('a skippable frame without its last byte', [first, skipped.subarray(0, -1)], missing),
    sample('a skippable frame of almost 4 GiB that ends early', [first, endless, b], missing),
    sample('a wrong checksum', [first, wrongSum], /doesn't match checksum/),
    sample('a block of the reserved type', [damaged], /corruption/),
    sample('something else', [b], /Unknown frame descriptor/),
    sample('something else behind a frame', [first, b], /Unknown frame descriptor/),
    sample('zeros behind a frame', [first, Buffer.alloc(512)], /Unknown frame descriptor/),
  ];
}

/** Noise, and copies of what came before it, as a tar has both. */
const content = fc
  .array(fc.tuple(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 600 })), {
    maxLength: 5,
  })
  .map((runs) =>
    Buffer.concat(runs.flatMap(([bytes, times]) => Array<Uint8Array>(times).fill(bytes))),
  );
const level = fc.oneof(
  fc.integer({ min: 1, max: 19 }).map((number) => [`-${number}`]),
  fc.constantFrom(['--fast=5'], ['--ultra', '-22'], ['--long=27'], ['-3', '-B1024']),
);
const frame = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(content, level, fc.constantFrom('--check', '--no-check'), fc.boolean())
      .map(([whole, options, check, isSized]) => {
        // The decoder gets by with less where it knows the size.
        const size = isSized ? [`--stream-size=${whole.length}`] : [];
        return { bytes: zstdFrame(whole, ...options, ...size, check), content: whole };
      }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(15)).map(([bytes, kind]) => ({
      bytes: skippableFrame(bytes, kind),
      content: Buffer.alloc(0),
    })),
  },
);

/** Frames of anything, compressed in any way. */
export const zstdFrames = fc.array(frame, { minLength: 1, maxLength: 5 });
