import { once } from 'node:events';
import { get, request, type IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { VirtualTimeScheduler } from 'rxjs';
import { digestOf } from '../../src/oci/index.js';
import { startRegistry, type Fault, type TestRegistry } from '../../src/testing/index.js';

const bytes = Buffer.alloc(300_000, 'x');
const digest = digestOf(bytes);

describe('faults', () => {
  const scheduler = new VirtualTimeScheduler();
  let registry: TestRegistry;

  beforeEach(async () => {
    registry = await startRegistry({ scheduler });
    registry.repository('app').blobs.set(digest, bytes);
  });
  afterEach(() => registry.close());

  const inject = (fault: Fault, rest = {}): unknown =>
    registry.inject({ match: { digest }, fault, ...rest });
  const fetchBlob = (headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${registry.url}/v2/app/blobs/${digest}`, { headers });

  /** The body as far as it comes, and the code of the error that ends it. */
  const read = async (): Promise<{ length: number; code: string | undefined }> => {
    const [answer] = (await once(
      get(`${registry.url}/v2/app/blobs/${digest}`, { agent: false }),
      'response',
    )) as [IncomingMessage];
    let length = 0;
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) length += chunk.length;
      return { length, code: undefined };
    } catch (error) {
      return { length, code: (error as NodeJS.ErrnoException).code };
    }
  };

  it('come late, by the time of the scheduler', async () => {
    inject({ kind: 'latency', milliseconds: 3_600_000 });
    const answer = fetchBlob();
    while (scheduler.actions.length === 0) await setImmediate();
    const begin = scheduler.now();
    expect(registry.requests[0]?.status).toBe(0);
    scheduler.flush();
    expect((await answer).status).toBe(200);
    expect(scheduler.now() - begin).toBe(3_600_000);
  });

  it('hold a body to a rate, by the time of the scheduler', async () => {
    inject({ kind: 'rate', bytesPerSecond: 100_000 });
    const begin = scheduler.now();
    const body = fetchBlob().then((answer) => answer.arrayBuffer());
    while (registry.bytesServed(digest) < bytes.length) {
      scheduler.flush();
      await setImmediate();
    }
    scheduler.flush();
    expect((await body).byteLength).toBe(bytes.length);
    expect(scheduler.now() - begin).toBeGreaterThan(2900);
  });

  it.each(['reset', 'truncate'] as const)('%s after a number of bytes', async (kind) => {
    inject({ kind, afterBytes: 100_000 });
    // A reset may take bytes with it that are still on their way.
    const { length, code } = await read();
    expect(length).toBeLessThanOrEqual(100_000);
    if (kind === 'truncate') expect(length).toBe(100_000);
    expect(code).toBe('ECONNRESET');
    expect(registry.bytesServed(digest)).toBe(100_000);
  });

  it.each([1, 1000])('truncate after as few as %d bytes', async (afterBytes) => {
    inject({ kind: 'truncate', afterBytes });
    expect(await read()).toMatchObject({ length: afterBytes, code: 'ECONNRESET' });
  });

  it('stall until the client gives up', async () => {
    inject({ kind: 'stall', afterBytes: 100_000 });
    const [answer] = (await once(
      get(`${registry.url}/v2/app/blobs/${digest}`, { agent: false }),
      'response',
    )) as [IncomingMessage];
    let length = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length === 100_000) break;
    }
    expect(registry.bytesServed(digest)).toBe(100_000);
  });

  it('corrupt one byte', async () => {
    inject({ kind: 'corrupt', offset: 7 });
    const body = Buffer.from(await (await fetchBlob()).arrayBuffer());
    expect(digestOf(body)).not.toBe(digest);
    expect(body.length).toBe(bytes.length);
    expect(registry.repository('app').blobs.get(digest)).toEqual(bytes);
  });

  it('ignore a Range, or send another', async () => {
    inject({ kind: 'ignoreRange' }, { times: 1 });
    inject({ kind: 'wrongRange', shift: 5 }, { skip: 1 });
    expect((await fetchBlob({ range: 'bytes=10-' })).status).toBe(200);
    const answer = await fetchBlob({ range: 'bytes=10-' });
    expect(answer.headers.get('content-range')).toBe('bytes 15-299999/300000');
  });

  it('answer with another status, its headers and body, as often as told', async () => {
    const headers = { 'retry-after': '2' };
    const fault: Fault = { kind: 'status', status: 429, headers, body: 'slow down' };
    const injected = registry.inject({ match: { method: 'GET' }, skip: 1, times: 1, fault });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await fetchBlob()).status);
    expect(statuses).toEqual([200, 429, 200]);
    expect(injected.hits).toBe(1);
  });

  it('end once they are removed', async () => {
    const injected = registry.inject({ fault: { kind: 'status', status: 500 } });
    expect((await fetchBlob()).status).toBe(500);
    injected.remove();
    expect((await fetchBlob()).status).toBe(200);
  });

  it.each(['reset', 'truncate', 'stall'] as const)(
    'befall the body of an upload: %s, and what came before is kept',
    async (kind) => {
      const begin = await fetch(`${registry.url}/v2/new/blobs/uploads/`, { method: 'POST' });
      const upload = `${registry.url}${begin.headers.get('location') ?? ''}`;
      registry.inject({ match: { method: 'PATCH' }, fault: { kind, afterBytes: 100_000 } });
      const options = { method: 'PATCH', agent: false, headers: { 'content-length': 300_000 } };
      const outgoing = request(upload, options);
      const broken = once(outgoing, 'error').catch(() => undefined);
      const ended = new Promise((resolve) => outgoing.on('close', resolve));
      outgoing.on('error', () => undefined);
      outgoing.end(bytes);
      while ((registry.requests.at(-1)?.received ?? 0) < 100_000) await setImmediate();
      if (kind === 'stall') outgoing.destroy(new Error('gave up'));
      await Promise.all([broken, ended]);
      const state = await fetch(upload);
      expect(state.headers.get('range')).toBe('0-99999');
    },
  );

  it('break an answer off that has no body', async () => {
    const fault: Fault = { kind: 'reset', afterBytes: 0 };
    registry.inject({ match: { method: 'HEAD' }, fault });
    const head = fetch(`${registry.url}/v2/app/blobs/${digest}`, { method: 'HEAD' });
    await expect(head).rejects.toThrow('fetch failed');
  });
});
