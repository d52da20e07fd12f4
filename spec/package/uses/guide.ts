import { deepStrictEqual } from 'node:assert';
import type { AddressInfo } from 'node:net';
import { trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { lastValueFrom, map, of, timer, toArray } from 'rxjs';
import { ConnectionError, createMemoryStore, createRxfer, type Rxfer } from 'rxfer';
import { sampleImage, startRegistry, type TestRegistry } from 'rxfer/testing';
import { resultEvent, TransferManager, whenStarted } from 'rxfer/transfer';
import { createEventsServer } from '../../guide/examples/events-server.js';
import { loggingClient } from '../../guide/examples/log-lines.js';
import { fleetClient, prefetch } from '../../guide/examples/prefetch-fleet.js';
import { prefetchWhenIdle } from '../../guide/examples/prefetch-when-idle.js';
import { pullMany } from '../../guide/examples/pull-many.js';
import { delayByHost } from '../../guide/examples/retry-by-host.js';
import { scanLayers } from '../../guide/examples/scan-layers.js';
import { pullUntil, pullWithSignal } from '../../guide/examples/stop-pull.js';
import { tracedRxfer } from '../../guide/examples/traces.js';

/** Uses recipes of the guide, copied, as somebody does who has the package alone. */
async function main(): Promise<void> {
  const registry = await startRegistry();
  const client = loggingClient('warn');
  const rxfer = createRxfer({ store: createMemoryStore(), registry: client, delay: delayByHost });
  const references = ['one', 'two'].map((name) => `${registry.host}/${name}:v1`);
  for (const name of ['one', 'two']) {
    registry.addImage(name, 'v1', await sampleImage({ layers: [[{ name, size: 1000 }]] }));
  }
  await pulls(rxfer, references);
  await stops(rxfer, references);
  await streams(rxfer, references);
  await prefetches(registry, references);
  await waitsForIdleness();
  await traces(references);
  await client.close();
  await registry.close();
  console.log('guided');
}

async function pulls(rxfer: Rxfer, references: readonly string[]): Promise<void> {
  const images = await lastValueFrom(pullMany(rxfer, references, () => undefined).pipe(toArray()));
  deepStrictEqual(images.map(({ reference }) => reference).sort(), references);
  const files = await lastValueFrom(scanLayers(rxfer, references[0] ?? ''));
  deepStrictEqual(files.header.name, 'one');
  const refused = new ConnectionError('gone', { host: 'registry.internal' });
  deepStrictEqual(delayByHost(2, refused), 1000);
}

async function stops(rxfer: Rxfer, [one = '', two = '']: readonly string[]): Promise<void> {
  const stopped = pullWithSignal(rxfer, two, AbortSignal.timeout(60_000));
  deepStrictEqual((await stopped).kind, 'result');
  deepStrictEqual(await lastValueFrom(pullUntil(rxfer, one, of('click')).pipe(toArray())), []);
}

async function streams(rxfer: Rxfer, [one = '']: readonly string[]): Promise<void> {
  const server = createEventsServer(rxfer);
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/events?reference=${one}`);
  const last = (await answer.text()).trim().split('\n\n').at(-1) ?? '';
  const { kind } = JSON.parse(last.replace('data: ', '')) as { kind: string };
  deepStrictEqual(kind, 'result');
  await server.close();
}

async function prefetches(registry: TestRegistry, references: readonly string[]): Promise<void> {
  const mirror = await startRegistry();
  mirror.addImage('one', 'v1', await sampleImage({ layers: [[{ name: 'one', size: 1000 }]] }));
  const before = registry.requests.length;
  const fleet = fleetClient([`http://${mirror.host}`]);
  const failed: string[] = [];
  const wanted = [...references, `${registry.host}/nowhere:v1`];
  const images = await lastValueFrom(
    prefetch(createRxfer({ store: createMemoryStore(), registry: fleet }), wanted, {
      onFailure: (reference) => failed.push(reference),
      spread: 10,
    }).pipe(toArray()),
  );
  deepStrictEqual(
    images.map(({ reference }) => reference),
    references,
  );
  deepStrictEqual(failed, wanted.slice(2));
  const asked = registry.requests.slice(before).map(({ path }) => path);
  deepStrictEqual(
    asked.filter((path) => path.includes('/one/')),
    [],
  );
  await fleet.close();
  await mirror.close();
}

async function waitsForIdleness(): Promise<void> {
  const manager = new TransferManager<string>(1);
  const job = whenStarted(() => timer(1).pipe(map(() => resultEvent('a'))));
  const jobs = new Map([['a', job]]);
  const events = await lastValueFrom(prefetchWhenIdle(manager, jobs).pipe(toArray()));
  deepStrictEqual(events.at(-1), resultEvent('a'));
}

async function traces([one = '']: readonly string[]): Promise<void> {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
  const { registry, rxfer } = tracedRxfer(createMemoryStore());
  const event = await lastValueFrom(rxfer.pull(one));
  if (event.kind === 'result') event.release();
  await registry.close();
  const names = exporter.getFinishedSpans().map(({ name }) => name);
  for (const name of ['rxfer.pull', 'rxfer.download', 'rxfer.register', 'GET']) {
    deepStrictEqual([name, names.includes(name)], [name, true]);
  }
}

void main();
