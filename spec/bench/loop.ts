/**
 * `npm run bench:loop`: how long the main thread is held up while the library pulls 60,000 files,
 * and what a pull of an image of one layer of 1 kB takes in this process.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { lastValueFrom } from 'rxjs';
import type * as Library from '../../src/index.js';
import { startDockerRegistry } from '../support/docker-registry.js';
import { benchImage, cachedImage, registryData, type BenchImage } from './fixtures.js';
import { tarOf, writeLayout } from './images.js';
import { circumstances } from './machine.js';
import { median } from './processes.js';
import { record } from './record.js';
import { withFigures, type Figures } from './results.js';
import { withFolder } from './with-folder.js';

// The package as it was built, by its name, as its users load it.
const { createRegistryClient, createRxfer, openDiskStore } = createRequire(resolve('package.json'))(
  'rxfer',
) as typeof Library;

const command = 'npm run bench:loop';
const [loopRuns, smallRuns] = [7, 50];

async function main(): Promise<void> {
  const delays = await delayFigures(await benchImage('small-files'));
  const small = await cachedImage('one-small-layer', async (layout) => {
    await writeLayout(layout, [tarOf([{ name: 'etc/motd', size: 1000 }])]);
    return '1 layer of 1 kB';
  });
  const overhead = await overheadFigures(small);
  for (const { title, lines } of [delays, overhead]) console.log(title, lines);
  await record((results) => [delays, overhead].reduce(withFigures, results));
}

async function delayFigures(image: BenchImage): Promise<Figures> {
  const seen: { p50: number; p99: number; max: number; wall: number }[] = [];
  for (let turn = 0; turn < loopRuns; turn++) {
    await withPulls(image, async (pull) => {
      const histogram = monitorEventLoopDelay({ resolution: 1 });
      histogram.enable();
      const begin = performance.now();
      await pull();
      const wall = performance.now() - begin;
      histogram.disable();
      const [p50, p99] = [histogram.percentile(50) / 1e6, histogram.percentile(99) / 1e6];
      seen.push({ p50, p99, max: histogram.max / 1e6, wall });
    });
  }
  const of = (key: keyof (typeof seen)[number]): number => median(seen.map((each) => each[key]));
  return {
    name: 'loop',
    title: 'How long the main thread is held up during a pull of 60,000 files',
    columns: [`medians of ${loopRuns}`, 'p50, ms', 'p99, ms', 'longest, ms', 'wall, ms'],
    lines: [['delay of the event loop', of('p50'), of('p99'), of('max'), of('wall')]],
    command,
    measured: circumstances(),
  };
}

async function overheadFigures(image: BenchImage): Promise<Figures> {
  const walls: number[] = [];
  for (let turn = 0; turn < smallRuns; turn++) {
    await withPulls(image, async (pull) => {
      const begin = performance.now();
      await pull();
      walls.push(performance.now() - begin);
    });
  }
  return {
    name: 'overhead',
    title: 'A pull of one layer of 1 kB, in a process that runs already',
    columns: ['', 'wall, ms'],
    lines: [
      ['the first', walls[0] ?? Number.NaN],
      [`median of ${smallRuns}`, median(walls)],
    ],
    command,
    measured: circumstances(),
  };
}

/** Gives pulls of an image into a new store, by the library in this process. */
function withPulls(
  image: BenchImage,
  use: (pull: () => Promise<void>) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    const server = await startDockerRegistry({ data: registryData });
    const registry = createRegistryClient();
    try {
      const rxfer = createRxfer({ store: await openDiskStore(folder), registry });
      await use(async () => {
        const last = await lastValueFrom(rxfer.pull(`${server.host}/${image.name}:v1`));
        if (last.kind !== 'result') throw new Error(`${image.name} ended with ${last.kind}`);
        last.release();
      });
    } finally {
      await registry.close();
      await server.stop();
    }
  });
}

void main();
