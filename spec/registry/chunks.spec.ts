import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import * as fc from 'fast-check';
import {
  createRegistryClient,
  digestOf,
  type BlobBody,
  type Descriptor,
  type RegistryClient,
  type RegistryClientOptions,
} from '../../src/index.js';
import { startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { until } from '../support/until.js';

const size = 1_000_000;
const chunkSize = 100_000;
const bytes = randomBytes(size);
const blob: Descriptor = {
  mediaType: 'application/octet-stream',
  digest: digestOf(bytes),
  size,
};
const signal = new AbortController().signal;
let registry: TestRegistry;
let client: RegistryClient | undefined;

beforeEach(async () => {
  registry = await startRegistry();
  registry.repository('app').blobs.set(blob.digest, bytes);
});
afterEach(async () => {
  await client?.close();
  client = undefined;
  await registry.close();
});

function open(
  options: RegistryClientOptions = {},
  offset = 0,
  host = registry.host,
): Promise<BlobBody> {
  client = createRegistryClient({ chunks: 3, chunkSize, chunkThreshold: 200_000, ...options });
  return client.blob({ host, path: 'app' }, blob, { offset, signal });
}

async function expectBytes({ stream }: BlobBody, offset = 0): Promise<void> {
  expect((await buffer(stream)).equals(bytes.subarray(offset))).toBe(true);
}

function ranges({ requests }: TestRegistry): (string | undefined)[] {
  return requests.filter(({ method }) => method === 'GET').map(({ range }) => range);
}

describe('a large blob', () => {
  it('is fetched in parts, and given in order', async () => {
    await expectBytes(await open());
    const parts = Array.from({ length: 10 }, (_, part) => part * chunkSize);
    const first = (range = ''): number => Number(/\d+/.exec(range)?.[0]);
    // They may overtake each other on their way to the registry.
    expect(ranges(registry).sort((a, b) => first(a) - first(b))).toEqual(
      parts.map(
        (begin) => `bytes=${begin}-${begin + chunkSize === size ? '' : begin + chunkSize - 1}`,
      ),
    );
  });

  it('goes on from an offset in parts', async () => {
    await expectBytes(await open({}, 350_001), 350_001);
    expect(ranges(registry)[0]).toBe('bytes=350001-450000');
    expect(ranges(registry)).toHaveLength(7);
  });

  it('is fetched in one piece below the threshold, and where parts are not asked for', async () => {
    await expectBytes(await open({}, 900_000), 900_000);
    await client?.close();
    await expectBytes(await open({ chunks: 1 }));
    expect(ranges(registry)).toEqual(['bytes=900000-', undefined]);
  });

  it('is fetched in one piece where the host knows no ranges', async () => {
    registry.inject({ fault: { kind: 'ignoreRange' } });
    await expectBytes(await open());
    expect(ranges(registry)).toEqual(['bytes=0-99999']);
  });

  it('has as many parts under way as asked for, and no more while nobody reads', async () => {
    const { stream } = await open();
    await until(() => registry.requests.length >= 3);
    // Time enough for more, if they came.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(registry.requests).toHaveLength(3);
    expect(registry.requests.map(({ bytes: sent }) => sent)).toEqual([
      chunkSize,
      chunkSize,
      chunkSize,
    ]);
    stream.destroy();
  });

  it('has a part resumed alone whose connection breaks', async () => {
    registry.inject({ times: 1, fault: { kind: 'truncate', afterBytes: 65_536 } });
    await expectBytes(await open());
    const resumed = ranges(registry).filter((range) => /[1-9]\d*-99999$/.test(range ?? ''));
    expect(resumed).toHaveLength(1);
    expect(ranges(registry)).toHaveLength(11);
  });

  it('changes over to the next host with the parts that are left', async () => {
    const mirror = await startRegistry();
    mirror.repository('app').blobs.set(blob.digest, bytes);
    try {
      const body = await open({ mirrors: [mirror.url] });
      await until(() => ranges(mirror).length >= 3);
      mirror.inject({ fault: { kind: 'status', status: 503 } });
      await expectBytes(body);
      expect(ranges(mirror).length + ranges(registry).length).toBeGreaterThanOrEqual(10);
      expect(ranges(registry).length).toBeGreaterThanOrEqual(6);
    } finally {
      await mirror.close();
    }
  });

  it('comes whole, whatever its size, the parts and where it begins', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20_000 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 2, max: 5 }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        async (length, parts, chunks, from) => {
          const content = bytes.subarray(0, length);
          const digest = digestOf(content);
          registry.repository('app').blobs.set(digest, content);
          const offset = Math.floor(length * from);
          const ofPart = Math.ceil(length / parts);
          const small = createRegistryClient({ chunks, chunkSize: ofPart, chunkThreshold: 1 });
          try {
            const { stream } = await small.blob(
              { host: registry.host, path: 'app' },
              { ...blob, digest, size: length },
              { offset, signal },
            );
            expect((await buffer(stream)).equals(content.subarray(offset))).toBe(true);
          } finally {
            await small.close();
          }
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('a large blob that nobody wants any more', () => {
  let server: Server;
  let answers = 0;

  beforeEach(async () => {
    answers = 0;
    server = createServer((request, response) => {
      const [, begin = '0', end = ''] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
      const last = end === '' ? size - 1 : Number(end);
      answers++;
      response.once('close', () => answers--);
      response.writeHead(206, {
        'content-range': `bytes ${begin}-${last}/${size}`,
        'content-length': last + 1 - Number(begin),
      });
      // The rest never comes.
      response.write(bytes.subarray(Number(begin), Number(begin) + 10));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it.each(['destroyed', 'aborted'])('ends all its parts when it is %s', async (how) => {
    const controller = new AbortController();
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    client = createRegistryClient({ chunks: 4, chunkSize, chunkThreshold: 1 });
    const { stream } = await client.blob({ host, path: 'app' }, blob, {
      offset: 0,
      signal: controller.signal,
    });
    stream.on('error', () => undefined).resume();
    await until(() => answers === 4);
    if (how === 'destroyed') stream.destroy();
    else controller.abort();
    await until(() => answers === 0);
    await until(() => stream.closed);
  });
});
