import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, endWith, ignoreElements, lastValueFrom } from 'rxjs';
import { map, max, merge, takeUntil, toArray, zip, type Observable } from 'rxjs';
import { createRxfer, type PullEvent, type Rxfer } from '../../image/index.js';
import { openDiskStore } from '../../layer/index.js';
import { formatBytes } from '../../progress/index.js';
import { createRegistryClient } from '../../registry/index.js';
import {
  sampleImage,
  startRegistry,
  type SampleEntry,
  type SampleImage,
  type TestRegistry,
} from '../../testing/index.js';
import type { LogOptions } from '../log-options.js';
import { openLogger } from '../logging.js';
import type { ProgressOptions } from '../progress-options.js';
import { untilInterrupted } from '../session.js';
import { dashboardAddress } from '../serve-options.js';
import { loadDisplay, showProgress, type Display } from '../show-progress.js';
import { withDashboard, type DemoPulls } from '../demo-dashboard.js';

const concurrency = 3;
const bytesPerSecond = 2_000_000;
const retryDelay = 2000;

/** The options of `rxfer demo`. */
export interface DemoOptions extends ProgressOptions, LogOptions {
  readonly ui?: string | true;
}

/** What the demonstration saw. */
interface Outcome {
  readonly events: readonly PullEvent[];
  /** The most layers that moved data at the same time. */
  readonly mostActive: number;
}

/**
 * `rxfer demo`: pulls two images that share two layers at the same time, from a registry of its
 * own that is slow and breaks off once, into a store of its own.
 */
export async function demo(options: DemoOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rxfer-demo-'));
  const registry = await startRegistry();
  const logger = openLogger(options);
  const client = createRegistryClient({ logger });
  try {
    const images = await sampleImages();
    for (const [name, image] of images) registry.addImage(name, 'latest', image);
    makeTrouble(registry, images);
    const store = await openDiskStore(folder, { logger });
    const display = await loadDisplay(options);
    const rxfer = createRxfer({
      store,
      registry: client,
      concurrency,
      delay: () => retryDelay,
      logger,
    });
    const references = images.map(([name]) => `${registry.host}/${name}:latest`);
    const pulls: DemoPulls = new Map(
      references.map((reference) => [reference, rxfer.pull(reference)]),
    );
    const show = (shown: DemoPulls): Promise<Outcome> => {
      console.error(
        `Pulling ${references.join(' and ')}, at most ${concurrency} layers at a time\n`,
      );
      return lastValueFrom(untilInterrupted(pullAll(rxfer, shown, display)));
    };
    const ui = dashboardAddress(options.ui);
    const outcome =
      ui === undefined
        ? await show(pulls)
        : await withDashboard(
            ui,
            { rxfer, store, connect: () => createRegistryClient({ logger }), logger },
            pulls,
            show,
          );
    console.log(summary(registry, images, outcome));
  } finally {
    await client.close();
    await registry.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Two images on the same two layers; the second one is on top of more. */
async function sampleImages(): Promise<[name: string, image: SampleImage][]> {
  const layer = (name: string, megabytes: number): SampleEntry[] => [
    { name: `${name}/` },
    { name: `${name}/data`, size: megabytes * 1_000_000 },
  ];
  const shared = [layer('base', 6), layer('runtime', 4)];
  return [
    ['demo/web', await sampleImage({ layers: [...shared, layer('web', 3), layer('assets', 2)] })],
    ['demo/worker', await sampleImage({ layers: [...shared, layer('worker', 5)] })],
  ];
}

function makeTrouble(registry: TestRegistry, images: readonly [string, SampleImage][]): void {
  const runtime = images[0]?.[1].layers[1];
  registry.inject({ match: { path: /\/blobs\// }, fault: { kind: 'rate', bytesPerSecond } });
  if (runtime === undefined) return;
  registry.inject({
    match: { method: 'GET', digest: runtime.digest },
    times: 1,
    fault: { kind: 'reset', afterBytes: runtime.size / 2 },
  });
}

function pullAll(rxfer: Rxfer, pulls: DemoPulls, display: Display): Observable<Outcome> {
  return merge(...pulls.values()).pipe(
    showProgress(display),
    connect((events$) => {
      const end$ = events$.pipe(ignoreElements(), endWith(undefined));
      const active$ = rxfer.downloads$.pipe(
        map(({ active }) => active),
        takeUntil(end$),
      );
      return zip(events$.pipe(toArray()), active$.pipe(max()));
    }),
    map(([events, mostActive]) => ({ events, mostActive })),
  );
}

function summary(
  registry: TestRegistry,
  images: readonly [string, SampleImage][],
  { events, mostActive }: Outcome,
): string {
  const lines = images.map(([name, { layers }]) => `${name}: ${layers.length} layers`);
  const all = images.flatMap(([, { layers }]) => layers);
  const unique = new Map(all.map(({ digest, size }) => [digest, size]));
  const total = all.reduce((sum, { size }) => sum + size, 0);
  const crossed = all
    .filter(({ digest }, index) => all.findIndex((other) => other.digest === digest) === index)
    .reduce((sum, { digest }) => sum + registry.bytesServed(digest), 0);
  const retried = events.filter(
    (event) => event.kind === 'progress' && event.progress.phase === 'Retrying',
  );
  const layersRetried = new Set(retried.map((event) => ('id' in event ? event.id : '')));
  return [
    '',
    ...lines,
    `Shared:     ${all.length - unique.size} of ${all.length} layers were fetched once for both images`,
    `Moved:      ${formatBytes(crossed)} crossed the wire for ${formatBytes(total)} of layers`,
    `At a time:  ${mostActive} layers at most, of ${concurrency} allowed`,
    `Retried:    ${layersRetried.size} layer, whose connection was reset halfway; it resumed there`,
  ].join('\n');
}
