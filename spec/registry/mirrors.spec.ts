import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { lastValueFrom, toArray, VirtualTimeScheduler } from 'rxjs';
import {
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  HostsFailedError,
  parseReference,
  type PullEvent,
  type RegistryClient,
  type RegistryClientOptions,
} from '../../src/index.js';
import {
  sampleImage,
  startRegistry,
  type Fault,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const size = 1_500_000;
const signal = new AbortController().signal;
let image: SampleImage;
let upstream: TestRegistry;
let mirror: TestRegistry;
let client: RegistryClient | undefined;

beforeAll(async () => {
  image = await sampleImage({ layers: [[{ name: 'data', size }]] });
});
beforeEach(async () => {
  [upstream, mirror] = await Promise.all([startRegistry(), startRegistry()]);
  for (const registry of [upstream, mirror]) registry.addImage('app', 'v1', image);
});
afterEach(async () => {
  await client?.close();
  client = undefined;
  await Promise.all([upstream.close(), mirror.close()]);
});
afterAll(removeTemporaryFolders);

function clientOf(options: RegistryClientOptions = {}): RegistryClient {
  client = createRegistryClient({ mirrors: [mirror.url], ...options });
  return client;
}

function layer() {
  const [blob] = image.layers;
  if (blob === undefined) throw new Error('no layer');
  return { blob, bytes: image.blobs.get(blob.digest)! };
}

async function fetched(from: RegistryClient, offset = 0): Promise<Buffer> {
  const { blob } = layer();
  const body = await from.blob({ host: upstream.host, path: 'app' }, blob, { offset, signal });
  expect(body.offset).toBe(offset);
  return buffer(body.stream);
}

/** Jest's own comparison takes seconds for buffers of this size. */
function expectBytes(bytes: Buffer, offset = 0): void {
  expect(bytes.length).toBe(layer().bytes.length - offset);
  expect(bytes.equals(layer().bytes.subarray(offset))).toBe(true);
}

function pull(from: RegistryClient): Promise<PullEvent[]> {
  const rxfer = createRxfer({
    store: createMemoryStore(),
    registry: from,
    delay: () => 60_000,
  });
  return lastValueFrom(rxfer.pull(`${upstream.host}/app:v1`).pipe(toArray()));
}

/** The ranges that a registry was asked for the layer. */
function asked(registry: TestRegistry): (string | undefined)[] {
  const { digest } = layer().blob;
  return registry.requests
    .filter(({ path }) => path.includes(`/blobs/${digest}`))
    .map(({ range }) => range);
}

function fault(registry: TestRegistry, injected: Fault, times = Infinity): void {
  registry.inject({ match: { digest: layer().blob.digest }, times, fault: injected });
}

describe('a blob with a mirror', () => {
  it('comes from the mirror, which is told for whom', async () => {
    expectBytes(await fetched(clientOf()));
    expect(asked(upstream)).toEqual([]);
    expect(mirror.requests.map(({ path }) => path)).toEqual([
      `/v2/app/blobs/${layer().blob.digest}?ns=${encodeURIComponent(upstream.host)}`,
    ]);
  });

  it.each<[string, Fault]>([
    ['has not got it', { kind: 'status', status: 404 }],
    ['limits requests', { kind: 'status', status: 429, headers: { 'retry-after': '3600' } }],
    ['is unavailable', { kind: 'status', status: 503 }],
    ['fails', { kind: 'status', status: 500 }],
    ['refuses', { kind: 'status', status: 403 }],
  ])('is asked of the next host when the mirror %s', async (_, injected) => {
    fault(mirror, injected);
    expectBytes(await fetched(clientOf()));
    expect(asked(mirror)).toEqual([undefined]);
    expect(asked(upstream)).toEqual([undefined]);
  });

  it('is asked of the next host when the mirror answers too late', async () => {
    fault(mirror, { kind: 'latency', milliseconds: 60_000 });
    const scheduler = new VirtualTimeScheduler(undefined, 60_000);
    const opened = fetched(clientOf({ scheduler }));
    await until(() => asked(mirror).length === 1);
    scheduler.flush();
    expectBytes(await opened);
    expect(asked(upstream)).toEqual([undefined]);
  });

  it.each<[string, Fault]>([
    ['resets the connection', { kind: 'reset', afterBytes: 500_000 }],
    ['ends too early', { kind: 'truncate', afterBytes: 500_000 }],
  ])('goes on from the next host at that byte when the mirror %s', async (_, injected) => {
    fault(mirror, injected);
    expectBytes(await fetched(clientOf(), 1000), 1000);
    expect(asked(mirror)).toEqual(['bytes=1000-']);
    const [range] = asked(upstream);
    const begin = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]);
    // A reset may take bytes along that were on their way.
    expect(begin).toBeGreaterThan(1000);
    expect(begin).toBeLessThanOrEqual(501_000);
  });

  it('goes on from the next host at that byte when the mirror stalls', async () => {
    fault(mirror, { kind: 'stall', afterBytes: 500_000 });
    const scheduler = new VirtualTimeScheduler(undefined, 60_000);
    const { blob, bytes } = layer();
    const from = { host: upstream.host, path: 'app' };
    const body = await clientOf({ scheduler }).blob(from, blob, { offset: 0, signal });
    const chunks: Buffer[] = [];
    body.stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = once(body.stream, 'end');
    await until(() => Buffer.concat(chunks).length === 500_000);
    scheduler.flush();
    await ended;
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    expect(asked(upstream)).toEqual(['bytes=500000-']);
  });

  it('goes on where the next host knows no ranges', async () => {
    fault(mirror, { kind: 'truncate', afterBytes: 500_000 });
    fault(upstream, { kind: 'ignoreRange' });
    expectBytes(await fetched(clientOf(), 1000), 1000);
  });

  it('comes from the registry when nothing listens at the mirror', async () => {
    const nobody = createServer().listen(0, '127.0.0.1');
    await once(nobody, 'listening');
    const { port } = nobody.address() as AddressInfo;
    nobody.close();
    const mirrors = [`http://127.0.0.1:${port}`];
    expectBytes(await fetched(clientOf({ mirrors })));
  });

  it('lets a host rest that failed', async () => {
    const from = clientOf();
    fault(mirror, { kind: 'status', status: 503 }, 1);
    await fetched(from);
    await fetched(from);
    expect(asked(mirror)).toHaveLength(1);
    expect(asked(upstream)).toHaveLength(2);
    // It is asked all the same when the others fail.
    fault(upstream, { kind: 'status', status: 503 });
    expectBytes(await fetched(from));
    expect(asked(mirror)).toHaveLength(2);
  });

  it('tells of all hosts when none has it', async () => {
    fault(mirror, { kind: 'status', status: 500 });
    fault(upstream, { kind: 'status', status: 404 });
    const failure = await fetched(clientOf()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(HostsFailedError);
    expect(failure).toMatchObject({
      code: 'ERR_NOT_FOUND',
      status: 404,
      host: upstream.host,
      hint: expect.stringContaining('push the image there again') as unknown,
    });
    const { message, failures } = failure as HostsFailedError;
    expect(message).toContain(`${mirror.host} answered 500`);
    expect(message).toContain(`${upstream.host} answered 404`);
    expect(failures.map(({ status }) => status)).toEqual([500, 404]);
  });

  it('fails at once when it is aborted, without asking anybody else', async () => {
    fault(mirror, { kind: 'stall', afterBytes: 10_000 });
    const controller = new AbortController();
    const { blob } = layer();
    const { stream } = await clientOf().blob({ host: upstream.host, path: 'app' }, blob, {
      offset: 0,
      signal: controller.signal,
    });
    stream.once('data', () => controller.abort(new Error('enough')));
    await expect(buffer(stream)).rejects.toThrow('enough');
    expect(asked(upstream)).toEqual([]);
  });
});

describe('wrong bytes from a mirror', () => {
  const phases = (events: PullEvent[]): string[] =>
    events.flatMap((event) => (event.kind === 'progress' ? event.progress.phase : []));

  // Where the byte stands tells whether it shows first in the digest or in the decompression.
  it.each([5, 700_000, -1])('at %d are fetched anew from elsewhere, at once', async (place) => {
    const { blob } = layer();
    fault(mirror, { kind: 'corrupt', offset: place < 0 ? blob.size + place : place });
    const from = clientOf();
    const events = await pull(from);
    expect(events.at(-1)).toMatchObject({ kind: 'result', bytes: 2 * blob.size });
    expect(phases(events)).not.toContain('Retrying');
    expect(asked(mirror)).toEqual([undefined]);
    expect(asked(upstream)).toEqual([undefined]);
    // The client doesn't ask it for this blob again.
    await pull(from);
    expect(asked(mirror)).toHaveLength(1);
  });

  it('are found in the rest of a blob that another host began', async () => {
    fault(mirror, { kind: 'truncate', afterBytes: 500_000 }, 1);
    fault(upstream, { kind: 'corrupt', offset: 1_000_000 });
    const events = await pull(clientOf());
    expect(events.at(-1)).toMatchObject({ kind: 'result' });
    expect(phases(events)).not.toContain('Retrying');
    // Whose they are isn't known: each is asked for the whole.
    expect(asked(mirror)).toEqual([undefined, undefined]);
  });

  it('from all hosts fail in the end', async () => {
    for (const registry of [mirror, upstream]) fault(registry, { kind: 'corrupt', offset: 9 });
    const rxfer = createRxfer({
      store: createMemoryStore(),
      registry: clientOf(),
      delay: () => 1,
    });
    await expect(lastValueFrom(rxfer.pull(`${upstream.host}/app:v1`))).rejects.toMatchObject({
      code: 'ERR_DIGEST_MISMATCH',
    });
  });

  it('in a manifest or configuration are left for the next host', async () => {
    const manifest = image.descriptor.digest;
    mirror.inject({ match: { path: /manifests/ }, fault: { kind: 'corrupt', offset: 9 } });
    const config = [...image.blobs.keys()].find((digest) => digest !== layer().blob.digest);
    mirror.inject({ match: { digest: config! }, fault: { kind: 'corrupt', offset: 9 } });
    const events = await pull(clientOf());
    expect(events.at(-1)).toMatchObject({ image: { manifest: { digest: manifest } } });
  });
});

describe('a manifest with a mirror', () => {
  it('comes by tag from a host that may resolve, by digest from any', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, upstream.host));
    const text = `[host."${mirror.url}"]\ncapabilities = ["pull"]`;
    writeFileSync(join(folder, upstream.host, 'hosts.toml'), text);
    const from = clientOf({ mirrors: [], hostsFolder: folder });
    const { digest } = image.descriptor;
    await from.manifest(parseReference(`${upstream.host}/app:v1`), signal);
    expect(mirror.requests).toEqual([]);
    await from.manifest(parseReference(`${upstream.host}/app@${digest}`), signal);
    expect(mirror.requests.map(({ path }) => path)).toEqual([
      `/v2/app/manifests/${digest}?ns=${encodeURIComponent(upstream.host)}`,
    ]);
  });

  it.each(['v1', 'digest'])('is asked of the next host by %s when the mirror fails', async (by) => {
    mirror.inject({ match: { path: /manifests/ }, fault: { kind: 'status', status: 502 } });
    const { digest } = image.descriptor;
    const name = by === 'v1' ? ':v1' : `@${digest}`;
    const reference = parseReference(`${upstream.host}/app${name}`);
    const from = clientOf();
    expect((await from.manifest(reference, signal)).descriptor.digest).toBe(digest);
    expect((await from.resolve(reference, signal)).digest).toBe(digest);
    expect(mirror.requests).toHaveLength(1);
  });
});

describe('credentials', () => {
  it('are those of each host, and no other host sees them', async () => {
    await Promise.all([upstream.close(), mirror.close()]);
    [upstream, mirror] = await Promise.all([
      startRegistry({ auth: { kind: 'basic', username: 'up', password: 'stream-secret' } }),
      startRegistry({ auth: { kind: 'bearer', username: 'mi', password: 'rror-secret' } }),
    ]);
    for (const registry of [upstream, mirror]) registry.addImage('app', 'v1', image);
    fault(mirror, { kind: 'truncate', afterBytes: 500_000 });
    const users = new Map([
      [upstream.host, { kind: 'basic' as const, username: 'up', password: 'stream-secret' }],
      [mirror.host, { kind: 'basic' as const, username: 'mi', password: 'rror-secret' }],
    ]);
    const credentials = (host: string) => Promise.resolve(users.get(host));
    expectBytes(await fetched(clientOf({ credentials })));
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    const shown = (registry: TestRegistry) =>
      new Set(registry.requests.flatMap(({ authorization }) => authorization ?? []));
    expect(shown(upstream)).toEqual(new Set([basic('up:stream-secret')]));
    expect([...shown(mirror)].filter((value) => value.startsWith('Basic'))).toEqual([
      basic('mi:rror-secret'),
    ]);
  });
});

describe('a push', () => {
  it('goes past the mirrors', async () => {
    const rxfer = createRxfer({ store: createMemoryStore(), registry: clientOf() });
    await lastValueFrom(rxfer.pull(`${upstream.host}/app:v1`));
    const before = mirror.requests.length;
    await lastValueFrom(
      rxfer.push(`${upstream.host}/copy:v2`, { source: `${upstream.host}/app:v1` }),
    );
    expect(upstream.repository('copy').tags.get('v2')).toBe(image.descriptor.digest);
    expect(mirror.requests).toHaveLength(before);
  });
});
