import fc from 'fast-check';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PortableZstd } from '../../src/layer/portable-zstd.js';
import { ZstdFrames } from '../../src/layer/zstd-frames.js';
import { decompressed, inParts } from '../support/children/decompressed.js';
import { describeWithPeers } from '../support/peers.js';
import {
  zstdFrame,
  zstdFrames,
  zstdSamples,
  zstdZeros,
  type ZstdSample,
} from '../support/zstd-samples.js';

const chunkSize = 512 * 1024;
const portable = (): PortableZstd => new PortableZstd({ chunkSize });
const decode = (bytes: Buffer, sizes: readonly number[] = [65_536]): Promise<Buffer> =>
  decompressed(portable(), inParts(bytes, sizes));
const joined = (parts: readonly { bytes: Buffer; content: Buffer }[]): [Buffer, Buffer] => [
  Buffer.concat(parts.map(({ bytes }) => bytes)),
  Buffer.concat(parts.map(({ content }) => content)),
];
const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 8 });
/** Milliseconds: a machine that is busy with other things does fewer. */
const longEnough = 120_000;

describeWithPeers(['zstd'], 'zstd where Node has none', () => {
  const samples = zstdSamples().flatMap((sample): [string, number, ZstdSample][] =>
    [65_536, 7, 1].map((size) => [sample.name, size, sample]),
  );

  it.each(samples)('%s, %d bytes at a time', async (_, size, { bytes, outcome }) => {
    const decoding = decode(bytes, [size]);
    if (outcome instanceof RegExp) await expect(decoding).rejects.toThrow(outcome);
    else expect((await decoding).equals(outcome)).toBe(true);
  });

  it(
    'decodes whatever was compressed in whatever way, in whatever parts it comes',
    async () => {
      await fc.assert(
        fc.asyncProperty(zstdFrames, sizes, async (frames, partSizes) => {
          const [bytes, content] = joined(frames);
          expect((await decode(bytes, partSizes)).equals(content)).toBe(true);
        }),
        { numRuns: 40 },
      );
    },
    longEnough * 2,
  );

  it(
    'notices whatever end is missing, and finds the end of each frame',
    async () => {
      await fc.assert(
        fc.asyncProperty(zstdFrames, fc.nat(), sizes, async (frames, cut, partSizes) => {
          const [bytes] = joined(frames);
          const ends = frames.map((_, index) => joined(frames.slice(0, index + 1))[0].length);
          const length = cut % bytes.length;
          const decoding = decode(bytes.subarray(0, length), partSizes);
          if (ends.includes(length)) await decoding;
          else await expect(decoding).rejects.toThrow('unexpected end of file');
          expect(endsOf(inParts(bytes, partSizes))).toEqual(ends);
        }),
        { numRuns: 25 },
      );
    },
    longEnough,
  );

  it(
    'notices damage by the checksum, if not before',
    async () => {
      const content = Buffer.from(
        Array.from({ length: 3000 }, (_, index) => (index * index) % 251),
      );
      const whole = zstdFrame(content, '--check');
      await fc.assert(
        fc.asyncProperty(fc.nat(whole.length * 8 - 1), async (bit) => {
          const damaged = Buffer.from(whole);
          damaged[bit >> 3]! ^= 1 << (bit & 7);
          // A header has bits that change nothing.
          const outcome = await decode(damaged).catch((error: unknown) => error);
          if (outcome instanceof Buffer) expect(outcome.equals(content)).toBe(true);
          else expect(outcome).toBeInstanceOf(Error);
        }),
        { numRuns: 100 },
      );
    },
    longEnough,
  );
});

/** Where frames end, found without decoding them. */
function endsOf(parts: readonly Buffer[]): number[] {
  const frames = new ZstdFrames();
  const ends: number[] = [];
  let position = 0;
  for (let part of parts) {
    while (part.length > 0) {
      const size = frames.advance(part);
      position += size;
      part = part.subarray(size);
      if (frames.isBetweenFrames) ends.push(position);
    }
  }
  return ends;
}

describe('the stream that decodes zstd', () => {
  it('waits for its reader within a chunk', async () => {
    const stream = portable();
    const bomb = zstdZeros(1024 ** 3);
    expect(bomb.length).toBeLessThan(40_000);
    let isTaken = false;
    stream.write(bomb, () => (isTaken = true));
    await once(stream, 'readable');
    for (let turn = 0; turn < 100; turn++) await setImmediate();
    expect(stream.readableLength).toBeLessThanOrEqual(2 * chunkSize);
    for (let read = 0; read < 20; read++) {
      if (stream.read() === null) await once(stream, 'readable');
    }
    expect(stream.readableLength).toBeLessThanOrEqual(2 * chunkSize);
    expect(isTaken).toBe(false);
    stream.destroy();
    await once(stream, 'close');
  });

  it.each([
    ['before anything came', 0],
    ['in the middle of a chunk', 1],
  ])('ends when it is destroyed %s', async (_, reads) => {
    const stream = portable();
    stream.write(zstdZeros(1024 ** 3));
    for (let read = 0; read < reads; read++) {
      await once(stream, 'readable');
      stream.read();
    }
    const reason = new Error('not wanted any more');
    const closed = new Promise((resolve) => stream.once('close', resolve));
    const failed = once(stream, 'error');
    stream.destroy(reason);
    expect(await failed).toEqual([reason]);
    await closed;
    expect(stream.read()).toBeNull();
  });

  it('gives its memory back when it ends, however it ends', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const window = 0x68; // 8 MiB
    const whole = zstdZeros(9_000_000, window);
    const rounds = async (count: number): Promise<void> => {
      for (let round = 0; round < count; round++) {
        await decode(whole.subarray(0, round % 2 === 0 ? whole.length : -1)).catch(() => undefined);
      }
      collect();
    };
    await rounds(5);
    const before = process.memoryUsage.rss();
    await rounds(30);
    // 30 windows are 240 MiB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(120 * 1024 ** 2);
  }, 60_000);
});
