import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { lastValueFrom, Subject, toArray } from 'rxjs';
import {
  ConnectionError,
  createMemoryStore,
  createRegistryClient,
  createRxfer,
  type Rxfer,
  type Store,
} from '../../src/index.js';
import type { ProgressTotals } from '../../src/progress/index.js';
import { RateLimitedError } from '../../src/registry/index.js';
import { sampleImage, startRegistry, type TestRegistry } from '../../src/testing/index.js';
import { until } from '../support/until.js';
import { createEventsServer } from './examples/events-server.js';
import { fleetClient, prefetch } from './examples/prefetch-fleet.js';
import { pullMany } from './examples/pull-many.js';
import { delayByHost } from './examples/retry-by-host.js';
import { scanLayers } from './examples/scan-layers.js';
import { pullUntil, pullWithSignal } from './examples/stop-pull.js';

let registry: TestRegistry;
let store: Store;
let rxfer: Rxfer;
const client = createRegistryClient();

beforeEach(async () => {
  registry = await startRegistry();
  store = createMemoryStore();
  rxfer = createRxfer({ store, registry: client, concurrency: 3, delay: () => 1 });
});
afterEach(() => registry.close());
afterAll(() => client.close());

async function addImage(name: string, ...files: readonly string[]): Promise<number> {
  const image = await sampleImage({ layers: files.map((file) => [{ name: file, size: 10_000 }]) });
  registry.addImage(name, 'v1', image);
  return image.layers.reduce((sum, { size }) => sum + size, 0);
}

/** So slow that only a cancellation ends it in time. */
async function addSlowImage(name: string): Promise<string> {
  await addImage(name, name);
  registry.inject({ match: { path: /blobs/ }, fault: { kind: 'rate', bytesPerSecond: 100 } });
  return `${registry.host}/${name}:v1`;
}

describe('pull-many', () => {
  it('pulls ten images under one limit, with one total', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `app-${index}`);
    let total = 0;
    for (const name of names) total += await addImage(name, name);
    const active: number[] = [];
    const watching = rxfer.downloads$.subscribe((state) => active.push(state.active));
    const totals: ProgressTotals[] = [];
    const references = names.map((name) => `${registry.host}/${name}:v1`);
    const images = await lastValueFrom(
      pullMany(rxfer, references, (latest) => totals.push(latest)).pipe(toArray()),
    );
    watching.unsubscribe();
    expect(images.map(({ reference }) => reference).sort()).toEqual(references);
    expect(totals.at(-1)).toMatchObject({ current: total, total, done: 10 });
    expect(Math.max(...active)).toBe(3);
  });
});

describe('prefetch-fleet', () => {
  it('has from the mirror what it has, the rest from the registry, and tells what nobody has', async () => {
    const mirror = await startRegistry();
    const fleet = fleetClient([`http://${mirror.host}`]);
    try {
      const onBoth = await sampleImage({ layers: [[{ name: 'both', size: 10_000 }]] });
      for (const each of [mirror, registry]) each.addImage('both', 'v1', onBoth);
      const size = await addImage('upstream', 'upstream');
      const references = ['both', 'nowhere', 'upstream'].map(
        (name) => `${registry.host}/${name}:v1`,
      );
      const failures: string[] = [];
      const images = await lastValueFrom(
        prefetch(createRxfer({ store, registry: fleet }), references, {
          onFailure: (reference) => failures.push(reference),
          spread: 10,
        }).pipe(toArray()),
      );
      expect(images.map(({ reference }) => reference)).toEqual([references[0], references[2]]);
      expect(failures).toEqual([references[1]]);
      expect((await store.images.list()).map(({ reference }) => reference)).toHaveLength(2);
      for (const { digest } of onBoth.layers) expect(registry.bytesServed(digest)).toBe(0);
      expect(registry.bytesServed()).toBeGreaterThanOrEqual(size);
      // A mirror of several registries is told which one is meant.
      expect(mirror.requests[0]?.path).toContain(`ns=${encodeURIComponent(registry.host)}`);
    } finally {
      await fleet.close();
      await mirror.close();
    }
  });
});

describe('scan-layers', () => {
  it('reads the files of each layer', async () => {
    await addImage('app', 'bottom', 'top');
    const scanned = await lastValueFrom(
      scanLayers(rxfer, `${registry.host}/app:v1`).pipe(toArray()),
    );
    expect(scanned.map(({ header }) => [header.name, header.size]).sort()).toEqual([
      ['bottom', 10_000],
      ['top', 10_000],
    ]);
  });
});

describe('stop-pull', () => {
  it('ends when the button is pressed, and cancels', async () => {
    const stop$ = new Subject<void>();
    const reference = await addSlowImage('slow');
    const events = lastValueFrom(pullUntil(rxfer, reference, stop$).pipe(toArray()));
    await until(() => registry.bytesServed() > 400);
    stop$.next();
    expect((await events).map(({ kind }) => kind)).not.toContain('result');
  });

  it('rejects with the reason of the signal', async () => {
    const controller = new AbortController();
    const pulled = pullWithSignal(rxfer, await addSlowImage('slow'), controller.signal);
    await until(() => registry.bytesServed() > 400);
    controller.abort(new Error('changed my mind'));
    await expect(pulled).rejects.toThrow('changed my mind');
    await addImage('small', 'small');
  });

  it('resolves with the result when nothing is aborted', async () => {
    await addImage('app', 'app');
    const { signal } = new AbortController();
    const reference = `${registry.host}/app:v1`;
    expect((await pullWithSignal(rxfer, reference, signal)).kind).toBe('result');
  });
});

describe('retry-by-host', () => {
  it('waits as the host is, or as it asks for', () => {
    const from = (host: string) => new ConnectionError('gone', { host });
    expect(delayByHost(2, from('registry.internal'))).toBe(1000);
    expect(delayByHost(1, from('docker.io'))).toBe(30_000);
    expect(delayByHost(1, from('elsewhere'))).toBe(5000);
    expect(delayByHost(1, new RateLimitedError('slow', { retryAfter: 7 }))).toBe(7);
    expect(delayByHost(3, new Error('other'))).toBe(15_000);
  });
});

describe('events-server', () => {
  it('streams a pull, and cancels it when its reader leaves', async () => {
    await addImage('app', 'app');
    const server = createEventsServer(rxfer);
    await server.listen({ host: '127.0.0.1', port: 0 });
    try {
      const { port } = server.server.address() as AddressInfo;
      const urlOf = (name: string): string =>
        `http://127.0.0.1:${port}/events?reference=${registry.host}/${name}:v1`;
      const response = await fetch(urlOf('app'));
      expect(response.headers.get('content-type')).toBe('text/event-stream');
      const messages = (await response.text())
        .split('\n\n')
        .filter((text) => text !== '')
        .map((text) => JSON.parse(text.replace('data: ', '')) as { kind: string });
      expect(messages[0]?.kind).toBe('resolved');
      expect(messages.at(-1)?.kind).toBe('result');
      expect((await fetch(`http://127.0.0.1:${port}/events`)).status).toBe(400);

      await addSlowImage('slow');
      let active = 0;
      const watching = rxfer.downloads$.subscribe((state) => (active = state.active));
      const reader = get(urlOf('slow'), (answer) => answer.resume());
      reader.on('error', () => undefined);
      await until(() => active === 1);
      reader.destroy();
      await until(() => active === 0);
      watching.unsubscribe();
    } finally {
      await server.close();
    }
  });
});
