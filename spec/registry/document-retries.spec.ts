import { from, lastValueFrom, tap, toArray, VirtualTimeScheduler } from 'rxjs';
import {
  ConnectionError,
  createMemoryStore,
  createRxfer,
  retryingClient,
  type DocumentRetryOptions,
  type PullEvent,
  type RegistryClient,
  type RegistryClientOptions,
} from '../../src/index.js';
import { digestOf, mediaTypes, parseReference } from '../../src/oci/index.js';
import { plainLines, toDockerProgress, toJsonLines } from '../../src/progress/index.js';
import {
  sampleImage,
  type Fault,
  type FaultMatch,
  type SampleImage,
  type TestRegistry,
} from '../../src/testing/index.js';
import { closeAll, closedPort, openClient, openRegistry, serve } from '../support/loopback.js';
import { until } from '../support/until.js';

const { signal } = new AbortController();
const manifests = /\/manifests\//;
let registry: TestRegistry;
let image: SampleImage;

beforeAll(async () => {
  image = await sampleImage({ layers: [[{ name: 'file', size: 1000 }]] });
});
beforeEach(async () => {
  registry = await openRegistry();
  registry.addImage('app', 'v1', image);
});
afterEach(closeAll);

const config = () => [...image.blobs.keys()].find((digest) => digest !== image.layers[0]?.digest)!;

function inject(match: FaultMatch, fault: Fault, times = 1): void {
  registry.inject({ match, times, fault });
}

function asked(path: RegExp, method = 'GET', at = registry): number {
  return at.requests.filter((each) => each.method === method && path.test(each.path)).length;
}

const troubles: [string, Fault][] = [
  ['429', { kind: 'status', status: 429 }],
  ['500', { kind: 'status', status: 500 }],
  ['503', { kind: 'status', status: 503 }],
  ['a reset', { kind: 'reset', afterBytes: 0 }],
  ['an answer that breaks off', { kind: 'truncate', afterBytes: 20 }],
];
const silences: [string, Fault][] = [
  ['an answer that is late', { kind: 'latency', milliseconds: 600_000 }],
  ['an answer that stalls', { kind: 'stall', afterBytes: 20 }],
];

function pull(retries: DocumentRetryOptions = {}, options: RegistryClientOptions = {}) {
  const rxfer = createRxfer({
    store: createMemoryStore(),
    registry: openClient(options),
    delay: () => 1,
    ...retries,
  });
  return lastValueFrom(rxfer.pull(`${registry.host}/app:v1`));
}

describe('a list of referrers', () => {
  const one = { mediaType: mediaTypes.ociManifest, digest: digestOf('one'), size: 1 };

  /** A client whose list has two pages, and how many of them were asked for. */
  function paged(): { client: RegistryClient; asked: () => number; trouble: Error[] } {
    let pages = 0;
    const trouble: Error[] = [];
    const referrers: RegistryClient['referrers'] = async function* () {
      for (let page = 0; page < 2; page++) {
        pages++;
        const [error] = trouble.splice(0, page);
        if (error !== undefined) throw error;
        yield await Promise.resolve([one]);
      }
    };
    const client = retryingClient({ ...openClient(), referrers }, { delay: () => 1 });
    return { client, asked: () => pages, trouble };
  }
  const repository = { host: 'localhost:5000', path: 'app' };

  it('that may be long is read page by page', async () => {
    const { client, asked } = paged();
    const pages = client.referrers(repository, one.digest, { signal });
    for await (const page of pages) {
      expect(page).toEqual([one]);
      break;
    }
    expect(asked()).toBe(1);
  });

  it('that is short is read whole, and again after trouble', async () => {
    const { client, asked, trouble } = paged();
    const read = async (): Promise<unknown[]> => {
      const found = [];
      const pages = client.referrers(repository, one.digest, { signal, maxEntries: 1000 });
      for await (const page of pages) found.push(...page);
      return found;
    };
    // Only a host that has answered before is waited for.
    expect(await read()).toEqual([one, one]);
    trouble.push(new ConnectionError('broken off', { host: repository.host }));
    expect(await read()).toEqual([one, one]);
    expect(asked()).toBe(6);
  });
});

describe('what describes an image', () => {
  it.each(troubles)('is asked for again after %s: its manifest', async (_, fault) => {
    inject({ path: manifests }, fault, 2);
    expect(await pull()).toMatchObject({ kind: 'result' });
    expect(asked(manifests)).toBe(3);
  });

  it.each(troubles)('is asked for again after %s: its configuration', async (_, fault) => {
    inject({ digest: config() }, fault, 2);
    expect(await pull()).toMatchObject({ kind: 'result' });
    expect(asked(new RegExp(config()))).toBe(3);
  });

  it.each(silences)('is asked for again after %s', async (_, fault) => {
    const scheduler = new VirtualTimeScheduler(undefined, 600_000);
    for (const match of [{ path: manifests }, { digest: config() }]) {
      const silent = registry.inject({ match, times: 2, fault });
      const pulled = pull({}, { scheduler });
      for (const hits of [1, 2]) {
        await until(() => silent.hits === hits);
        scheduler.flush();
      }
      expect(await pulled).toMatchObject({ kind: 'result' });
    }
    expect(asked(manifests)).toBe(4);
  });

  it.each([400, 401, 403, 404])('is not asked for again after %d', async (status) => {
    inject({ path: manifests }, { kind: 'status', status }, 9);
    await expect(pull()).rejects.toMatchObject({ status });
    expect(asked(manifests)).toBe(1);
  });

  it('is not asked for again where it is wrong', async () => {
    inject({ path: manifests }, { kind: 'corrupt', offset: 5 }, 9);
    await expect(pull()).rejects.toMatchObject({ code: 'ERR_MANIFEST_DIGEST' });
    expect(asked(manifests)).toBe(1);
  });

  it('is asked for as often as maxAttempts says', async () => {
    inject({ path: manifests }, { kind: 'status', status: 503 }, 9);
    await expect(pull({ maxAttempts: 3 })).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNAVAILABLE',
    });
    expect(asked(manifests)).toBe(3);
  });

  it('is written again after trouble', async () => {
    const client = openClient();
    const rxfer = createRxfer({ store: createMemoryStore(), registry: client, delay: () => 1 });
    await lastValueFrom(rxfer.pull(`${registry.host}/app:v1`));
    const target = await openRegistry();
    const faults: [FaultMatch, Fault][] = [
      [
        { method: 'PUT', path: manifests },
        { kind: 'status', status: 503 },
      ],
      [
        { method: 'PUT', path: manifests },
        { kind: 'reset', afterBytes: 20 },
      ],
      [
        { method: 'HEAD', digest: config() },
        { kind: 'status', status: 502 },
      ],
      [
        { method: 'PUT', path: /uploads/ },
        { kind: 'status', status: 503 },
      ],
    ];
    for (const [index, [match, fault]] of faults.entries()) {
      target.inject({ match, skip: index === 1 ? 1 : 0, times: 1, fault });
    }
    const source = `${registry.host}/app:v1`;
    await lastValueFrom(rxfer.push(`${target.host}/app:v2`, { source }));
    expect(target.repository('app').tags.get('v2')).toBe(image.descriptor.digest);
    expect(asked(manifests, 'PUT', target)).toBe(3);
  });

  it('is not written again where it is refused', async () => {
    const target = await openRegistry();
    target.inject({
      match: { method: 'PUT', path: manifests },
      fault: { kind: 'status', status: 400 },
    });
    const rxfer = createRxfer({ store: createMemoryStore(), registry: openClient() });
    await lastValueFrom(rxfer.pull(`${registry.host}/app:v1`));
    const source = `${registry.host}/app:v1`;
    await expect(
      lastValueFrom(rxfer.push(`${target.host}/app:v2`, { source })),
    ).rejects.toMatchObject({ status: 400 });
    expect(asked(manifests, 'PUT', target)).toBe(1);
  });

  it.each(troubles.slice(0, 4))(
    'is asked for again after %s of the token server',
    async (...of) => {
      await closeAll();
      registry = await openRegistry({
        auth: { kind: 'bearer', username: 'ali', password: 'baba' },
      });
      registry.addImage('app', 'v1', image);
      inject({ path: /token/ }, of[1], 2);
      const user = { kind: 'basic', username: 'ali', password: 'baba' } as const;
      expect(await pull({}, { credentials: () => Promise.resolve(user) })).toMatchObject({
        kind: 'result',
      });
    },
  );
});

describe('retryingClient', () => {
  const reference = () => parseReference(`${registry.host}/app:v1`);
  const begun = (client: RegistryClient, from = signal): Promise<unknown> =>
    client.manifest(reference(), from).then(({ descriptor }) => descriptor.digest);

  it('tells of its waits second by second, in the events and on all that shows them', async () => {
    const scheduler = new VirtualTimeScheduler(undefined, 600_000);
    const rxfer = createRxfer({
      store: createMemoryStore(),
      registry: openClient(),
      scheduler,
      delay: (failures) => failures * 2000,
    });
    const reference = `${registry.host}/app:v1`;
    inject({ path: manifests }, { kind: 'status', status: 503 }, 2);
    inject({ digest: config() }, { kind: 'status', status: 503 }, 1);
    const events: PullEvent[] = [];
    const pulled = lastValueFrom(rxfer.pull(reference).pipe(tap((event) => events.push(event))));
    for (const waits of [1, 2, 3]) {
      const told = () => events.filter((event) => event.kind === 'retry' && event.retryIn === 0);
      await until(() => told().length === waits - 1 && scheduler.actions.length > 0);
      scheduler.flush();
    }
    await pulled;
    const retries = events.filter((event) => event.kind === 'retry');
    expect(retries.map(({ retryIn }) => retryIn)).toEqual([2, 1, 0, 4, 3, 2, 1, 0, 2, 1, 0]);
    expect(new Set(retries.map((event) => event.reference))).toEqual(new Set([reference]));
    const kinds = events.map(({ kind }) => kind);
    expect(kinds.lastIndexOf('retry')).toBeLessThan(kinds.indexOf('resolved'));
    const lines = await lastValueFrom(from(retries).pipe(plainLines(), toArray()));
    expect(lines).toEqual([2, 4, 2].map((left) => `${reference}: Retrying in ${left} seconds`));
    const json = await lastValueFrom(from(retries).pipe(toJsonLines(), toArray()));
    expect(JSON.parse(json[1]!)).toEqual({ kind: 'retry', reference, retryIn: 1 });
    const docker = await lastValueFrom(from(retries).pipe(toDockerProgress(), toArray()));
    expect(JSON.parse(docker[0]!)).toEqual({
      status: 'Retrying in 2 seconds',
      progressDetail: {},
      id: reference,
    });
  });

  it('waits 1, 2, 4 and 8 seconds of the scheduler, or as long as the server asks', async () => {
    const scheduler = new VirtualTimeScheduler(undefined, 600_000);
    const client = retryingClient(openClient(), { scheduler });
    inject({ path: manifests }, { kind: 'status', status: 503 }, 2);
    const busy: Fault = { kind: 'status', status: 429, headers: { 'retry-after': '30' } };
    registry.inject({ match: { path: manifests }, skip: 2, times: 1, fault: busy });
    const times = [1000, 3000, 33_000];
    const outcome = begun(client);
    for (const [index, time] of times.entries()) {
      await until(() => asked(manifests) === index + 1 && scheduler.actions.length > 0);
      scheduler.flush();
      expect(scheduler.frame).toBe(time);
    }
    expect(await outcome).toBe(image.descriptor.digest);
  });

  it('ends the wait at once when it is aborted', async () => {
    const scheduler = new VirtualTimeScheduler(undefined, 600_000);
    const client = retryingClient(openClient(), { scheduler });
    inject({ path: manifests }, { kind: 'status', status: 503 }, 9);
    const controller = new AbortController();
    const outcome = begun(client, controller.signal);
    await until(() => scheduler.actions.length > 0);
    controller.abort(new Error('enough'));
    await expect(outcome).rejects.toThrow('enough');
    scheduler.flush();
    expect(asked(manifests)).toBe(1);
  });

  it('does not wait for who isn’t there, but for who was', async () => {
    const nobody = parseReference(`${await closedPort()}/app:v1`);
    const client = retryingClient(openClient(), { scheduler: new VirtualTimeScheduler() });
    await expect(client.manifest(nobody, signal)).rejects.toMatchObject({
      code: 'ERR_CONNECTION',
    });
    const patient = retryingClient(openClient(), { delay: () => 20, maxAttempts: 500 });
    const known = reference();
    await patient.manifest(known, signal);
    await registry.close();
    const outcome = patient.manifest(known, signal);
    registry = await openRegistry({ port: Number(known.host.split(':')[1]) });
    registry.addImage('app', 'v1', image);
    expect((await outcome).descriptor.digest).toBe(image.descriptor.digest);
  });

  it('leaves layers to those who move them', async () => {
    let requests = 0;
    const host = await serve((_, response) => {
      requests++;
      response.writeHead(503).end();
    });
    const client = retryingClient(openClient(), { delay: () => 1 });
    const blob = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf('x'), size: 1 };
    const body = client.blob({ host, path: 'app' }, blob, { offset: 0, signal });
    await expect(body).rejects.toMatchObject({ status: 503 });
    expect(requests).toBe(1);
  });
});
