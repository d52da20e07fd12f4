import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { lastValueFrom, toArray, VirtualTimeScheduler } from 'rxjs';
import {
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  digestOf,
  type BlobBody,
  type Descriptor,
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
import { until } from '../support/until.js';

const bytes = randomBytes(400_000);
const blob: Descriptor = {
  mediaType: 'application/octet-stream',
  digest: digestOf(bytes),
  size: bytes.length,
};
const signal = new AbortController().signal;
let client: RegistryClient | undefined;

afterEach(async () => {
  await client?.close();
  client = undefined;
});

function open(host: string, offset = 0, options: RegistryClientOptions = {}): Promise<BlobBody> {
  client ??= createRegistryClient(options);
  return client.blob({ host, path: 'app' }, blob, { offset, signal });
}

describe('a server of its own kind', () => {
  let server: Server;
  let requests: IncomingMessage['headers'][];
  let answer: (response: ServerResponse, begin: number) => void;
  const host = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;

  beforeEach(async () => {
    requests = [];
    server = createServer((request, response) => {
      requests.push(request.headers);
      answer(response, Number(/bytes=(\d+)/.exec(request.headers.range ?? '')?.[1] ?? 0));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  /** Answers as it should, but for what is given. */
  const send = (
    response: ServerResponse,
    begin: number,
    { end = bytes.length, headers = {} }: { end?: number; headers?: Record<string, string> } = {},
  ): void => {
    response.writeHead(begin === 0 ? 200 : 206, {
      'content-length': bytes.length - begin,
      'accept-ranges': 'bytes',
      ...(begin === 0
        ? {}
        : { 'content-range': `bytes ${begin}-${bytes.length - 1}/${bytes.length}` }),
      ...headers,
    });
    response.write(bytes.subarray(begin, end));
    if (end === bytes.length) response.end();
  };

  it.each([
    ['answer', 'headersTimeout'],
    ['body', 'bodyTimeout'],
  ] as const)(
    'that is silent before the %s ends is left, by the scheduler',
    async (what, option) => {
      const scheduler = new VirtualTimeScheduler(undefined, 60_000);
      answer = (response) => {
        if (what === 'body') send(response, 0, { end: 1000 });
      };
      const patience = { headersTimeout: 0, bodyTimeout: 0, [option]: 20_000 };
      const opened = open(host(), 0, { scheduler, ...patience });
      const failure = opened.then(({ stream }) => buffer(stream)).catch((error: unknown) => error);
      await until(() => requests.length === 1);
      if (what === 'body') await opened;
      expect(scheduler.frame).toBe(0);
      scheduler.flush();
      expect(await failure).toMatchObject({ code: 'ERR_TIMEOUT', host: host() });
      expect(scheduler.frame).toBe(20_000);
    },
  );

  it('that is waited for by nobody is not silent', async () => {
    const scheduler = new VirtualTimeScheduler(undefined, 600_000);
    answer = send;
    const { stream } = await open(host(), 0, { scheduler, bodyTimeout: 20_000 });
    // All buffers on the way are full, then a long time passes.
    await new Promise((resolve) => setTimeout(resolve, 100));
    scheduler.flush();
    expect((await buffer(stream)).equals(bytes)).toBe(true);
  });

  it('that refuses connections is reported as such', async () => {
    const nobody = host();
    server.close();
    await once(server, 'close');
    await expect(open(nobody)).rejects.toMatchObject({ code: 'ERR_CONNECTION' });
  });

  it('is asked for the rest only of what it had before (If-Range)', async () => {
    answer = (response, begin) => send(response, begin, { headers: { etag: '"one"' } });
    await buffer((await open(host())).stream);
    await buffer((await open(host(), 1000)).stream);
    expect(requests[1]).toMatchObject({ range: 'bytes=1000-', 'if-range': '"one"' });
    // Another one by that name now: the whole comes, of which the rest is given.
    answer = (response) => send(response, 0, { headers: { etag: '"two"' } });
    const rest = await buffer((await open(host(), 1000)).stream);
    expect(rest.equals(bytes.subarray(1000))).toBe(true);
    await buffer((await open(host(), 1000)).stream);
    expect(requests[3]).toMatchObject({ 'if-range': '"two"' });
  });

  it('with weak validators is asked without them', async () => {
    answer = (response, begin) => send(response, begin, { headers: { etag: 'W/"one"' } });
    await buffer((await open(host())).stream);
    await buffer((await open(host(), 1000)).stream);
    expect(requests[1]?.['if-range']).toBeUndefined();
  });

  it.each<[string, number, Record<string, string>]>([
    ['is longer', 0, { 'content-length': String(bytes.length + 1) }],
    ['is shorter', 0, { 'content-length': String(bytes.length - 1) }],
    ['has another length by its range', 1000, { 'content-range': 'bytes 1000-1999/2000' }],
  ])('whose blob %s has another blob', async (_, offset, headers) => {
    answer = (response, begin) => {
      response.writeHead(begin === 0 ? 200 : 206, headers);
      response.write('x');
    };
    await expect(open(host(), offset)).rejects.toMatchObject({ code: 'ERR_BLOB_LENGTH' });
  });

  it.each<[string, number, Record<string, string>]>([
    ['another range', 206, { 'content-range': `bytes 2000-399999/400000` }],
    ['an unreadable range', 206, { 'content-range': 'bytes everything' }],
    ['416', 416, {}],
  ])('that answers a range with %s is asked for the whole, at once', async (_, status, headers) => {
    answer = (response, begin) => {
      if (begin === 0) send(response, 0);
      else response.writeHead(status, headers).end('x');
    };
    const rest = await buffer((await open(host(), 1000)).stream);
    expect(rest.equals(bytes.subarray(1000))).toBe(true);
    // It isn't asked for ranges again.
    await buffer((await open(host(), 2000)).stream);
    expect(requests.map(({ range }) => range)).toEqual(['bytes=1000-', undefined, undefined]);
  });
});

describe('a pull', () => {
  let registry: TestRegistry;
  let image: SampleImage;

  beforeAll(async () => {
    image = await sampleImage({ layers: [[{ name: 'data', size: 300_000 }]] });
  });
  beforeEach(async () => {
    registry = await startRegistry();
    registry.addImage('app', 'v1', image);
  });
  afterEach(() => registry.close());

  const layer = (): Descriptor => image.layers[0]!;
  const pull = (delay: number): Promise<PullEvent[]> => {
    client = createRegistryClient();
    const rxfer = createRxfer({
      store: createMemoryStore(),
      registry: client,
      delay: () => delay,
    });
    return lastValueFrom(rxfer.pull(`${registry.host}/app:v1`).pipe(toArray()));
  };
  const waits = (events: PullEvent[]): (number | undefined)[] =>
    events.flatMap((event) =>
      event.kind === 'progress' && event.progress.phase === 'Retrying'
        ? event.progress.retryIn
        : [],
    );

  it.each([429, 503])('waits as long as the registry asks, after %d', async (status) => {
    const headers = { 'retry-after': '2' };
    const fault: Fault = { kind: 'status', status, headers };
    registry.inject({ match: { digest: layer().digest }, times: 1, fault });
    expect(waits(await pull(1))).toEqual([2, 1]);
  });

  it('waits its own time where that is longer', async () => {
    const fault: Fault = { kind: 'status', status: 503, headers: { 'retry-after': '0' } };
    registry.inject({ match: { digest: layer().digest }, times: 1, fault });
    expect(waits(await pull(1500))).toEqual([2, 1]);
  });

  it('resumes after a reset', async () => {
    const fault: Fault = { kind: 'reset', afterBytes: 100_000 };
    registry.inject({ match: { digest: layer().digest }, times: 1, fault });
    expect(waits(await pull(1))).toEqual([1]);
    const asked = registry.requests.filter(({ path }) => path.includes(layer().digest));
    expect(asked).toHaveLength(2);
    expect(asked[1]?.range === undefined || /^bytes=\d+-$/.test(asked[1].range)).toBe(true);
  });

  it.each([401, 403, 404])('does not try again after %d', async (status) => {
    const fault: Fault = { kind: 'status', status };
    registry.inject({ match: { digest: layer().digest }, fault });
    await expect(pull(1)).rejects.toMatchObject({ status });
    const asked = registry.requests.filter(({ path }) => path.includes(layer().digest));
    expect(asked).toHaveLength(1);
  });
});
