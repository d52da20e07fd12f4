/**
 * `npm run bench:growth -- [layers] [files] [blob] [concurrency] [--max N] [--runs N]`: how what a
 * pull costs grows with the number of layers, the number of files, the size of a blob, and the
 * number of layers that move at a time. `--max` leaves out the larger ones. Where it is one layer
 * that grows, pigz and tar unpack it beside: part of what grows is what the system does for anybody.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { startDockerRegistry } from '../support/docker-registry.js';
import { isOnPath } from '../support/peers.js';
import { run } from '../support/run.js';
import {
  benchImage,
  blobFile,
  cachedImage,
  registryData,
  smallFiles,
  type BenchImage,
} from './fixtures.js';
import { tarOf, writeLayout } from './images.js';
import { circumstances } from './machine.js';
import { measure, median, medianCost, rxferCommand, type ProcessCost } from './processes.js';
import { plotSvg } from './plot.js';
import { record } from './record.js';
import { withFigures } from './results.js';
import { withFolder } from './with-folder.js';

/** What grows. */
interface Growth {
  readonly title: string;
  readonly unit: string;
  readonly values: readonly number[];
  image(value: number): Promise<BenchImage>;
  options?(value: number): readonly string[];
  /** Whether the image is one layer, which tar can unpack beside. */
  readonly isOneLayer?: boolean;
}

/** What pulls of an image cost, and its layer unpacked by pigz and tar. */
interface Grown {
  readonly pull: ProcessCost;
  readonly tar: ProcessCost | undefined;
}

const powers = (from: number, to: number): number[] =>
  from > to ? [] : [from, ...powers(from * 10, to)];

const growths: Readonly<Record<string, Growth>> = {
  layers: {
    title: 'How a pull grows with the layers',
    unit: 'layers of 10 files',
    values: powers(1, 1000),
    image: (count) =>
      cachedImage(`layers-${count}`, async (layout) => {
        const one = (_: unknown, index: number) => tarOf(smallFiles(`layer-${index}`, 10));
        await writeLayout(layout, Array.from({ length: count }, one));
        return `${count} layers`;
      }),
  },
  files: {
    title: 'How a pull grows with the files',
    unit: 'files in one layer',
    values: powers(1000, 1_000_000),
    isOneLayer: true,
    image: (count) =>
      cachedImage(`files-${count}`, async (layout) => {
        await writeLayout(layout, [tarOf(smallFiles('files', count))]);
        return `${count} files`;
      }),
  },
  blob: {
    title: 'How a pull grows with the size of a blob',
    unit: 'MB in one file',
    values: [1, 10, 100, 1000, 4000],
    isOneLayer: true,
    image: (size) =>
      cachedImage(`blob-${size}`, async (layout) => {
        await writeLayout(layout, [tarOf([{ name: 'usr/lib/model', size: size * 1e6 }])]);
        return `${size} MB`;
      }),
  },
  concurrency: {
    title: 'How a pull of 40 layers changes with those that move at a time',
    unit: 'at a time',
    values: [1, 2, 4, 8, 16, 32, 64],
    image: () => benchImage('small-files'),
    options: (limit) => ['--concurrency', String(limit)],
  },
};

async function main(): Promise<void> {
  const names = Object.keys(growths);
  const program = new Command('bench:growth')
    .argument('[what...]', `of ${names.join(', ')}; all by default`)
    .option('--max <n>', 'the largest to measure', Number, Infinity)
    .option('--runs <n>', 'how often', Number, 7)
    .option('--no-save', 'print the results and keep none')
    .parse();
  const { max, runs, save } = program.opts<{ max: number; runs: number; save: boolean }>();
  for (const name of program.args.length === 0 ? names : program.args) {
    const growth = growths[name];
    if (growth === undefined) throw new Error(`there are ${names.join(', ')}, not '${name}'`);
    const all = new Map<number, Grown>();
    for (const value of growth.values.filter((each) => each <= max)) {
      const grown = await pulls(growth, value, runs);
      const { wall, cpu } = grown.pull;
      const beside = grown.tar && `; pigz and tar: ${grown.tar.wall.toFixed(0)} ms`;
      console.log(
        `${value} ${growth.unit}: ${wall.toFixed(0)} ms, ${cpu.toFixed(0)} ms CPU${beside ?? ''}`,
      );
      all.set(value, grown);
    }
    if (save && all.size > 0) await keep(name, growth, all, runs);
  }
}

/** The median of some pulls, each into a new store. */
async function pulls(growth: Growth, value: number, runs: number): Promise<Grown> {
  const image = await growth.image(value);
  const costs: ProcessCost[] = [];
  const ofTar: ProcessCost[] = [];
  for (let turn = 0; turn < runs; turn++) {
    costs.push(await pulled(image, growth.options?.(value) ?? []));
    if (growth.isOneLayer === true && isOnPath('pigz')) ofTar.push(await unpackedByTar(image));
  }
  return { pull: medianOf(costs), tar: ofTar.length === 0 ? undefined : medianOf(ofTar) };
}

function pulled(image: BenchImage, options: readonly string[]): Promise<ProcessCost> {
  return withFolder(async (store) => {
    const registry = await startDockerRegistry({ data: registryData });
    try {
      await run('sync');
      const pull = ['pull', `${registry.host}/${image.name}:v1`, '--progress', 'none'];
      const cost = await measure([...rxferCommand, ...pull, '--store', store, ...options]);
      const found = Number(await run('sh', '-c', 'find "$0/layers" -type f | wc -l', store));
      if (found < image.files) throw new Error(`${found} of ${image.files} files of ${image.name}`);
      return cost;
    } finally {
      await registry.stop();
    }
  });
}

function medianOf(costs: readonly ProcessCost[]): ProcessCost {
  return { ...medianCost(costs), system: median(costs.map(({ system }) => system)) };
}

function unpackedByTar({ layout, layers: [layer] }: BenchImage): Promise<ProcessCost> {
  if (layer === undefined) throw new Error(`${layout} has no layer`);
  return withFolder(async (folder) => {
    await run('sync');
    const command = 'pigz -dc "$0" | tar -x -C "$1"';
    return measure(['sh', '-c', command, blobFile(layout, layer.digest), folder]);
  });
}

async function keep(
  name: string,
  growth: Growth,
  all: ReadonlyMap<number, Grown>,
  runs: number,
): Promise<void> {
  const { title, unit } = growth;
  const plot = `performance-${name}.svg`;
  const hasTar = [...all.values()].every(({ tar }) => tar !== undefined);
  const line = (of: (grown: Grown) => number): [number, number][] =>
    [...all].map(([value, grown]) => [value, of(grown)]);
  const series = [
    { name: 'wall, ms', points: line(({ pull }) => pull.wall) },
    { name: 'CPU, ms', points: line(({ pull }) => pull.cpu) },
    { name: 'memory, MB', points: line(({ pull }) => pull.memory / 1e6) },
    ...(hasTar ? [{ name: 'tar, wall, ms', points: line(({ tar }) => tar?.wall ?? 0) }] : []),
  ];
  writeFileSync(join('docs', plot), plotSvg({ title, x: unit, y: 'ms, MB', series }));
  const columns = ['wall, ms', 'CPU, ms', 'of it system', 'memory, MB', 'wall for each, ms'];
  const ofTar = ['pigz and tar: wall, ms', 'system, ms'];
  await record((results) =>
    withFigures(results, {
      name: `growth-${name}`,
      title,
      columns: [unit, ...columns, ...(hasTar ? ofTar : [])],
      lines: [...all].map(([value, { pull, tar }]) => [
        value,
        ...[pull.wall, pull.cpu, pull.system, pull.memory / 1e6].map(Math.round),
        pull.wall / value,
        ...(hasTar && tar ? [tar.wall, tar.system].map(Math.round) : []),
      ]),
      plot,
      command: `npm run bench:growth -- ${name} --runs ${runs}`,
      measured: circumstances(),
    }),
  );
}

void main();
