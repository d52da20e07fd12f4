/**
 * `npm run bench:growth -- [layers] [files] [blob] [concurrency] [--max N] [--runs N]`: how what a
 * pull costs grows with the number of layers, the number of files, the size of a blob, and the
 * number of layers that move at a time. `--max` leaves out the larger ones.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { startDockerRegistry } from '../support/docker-registry.js';
import { run } from '../support/run.js';
import { benchImage, cachedImage, registryData, smallFiles, type BenchImage } from './fixtures.js';
import { tarOf, writeLayout } from './images.js';
import { circumstances } from './machine.js';
import { measure, medianCost, rxferCommand, type Cost } from './processes.js';
import { plotSvg } from './plot.js';
import { record } from './record.js';
import { withFigures } from './results.js';

/** What grows. */
interface Growth {
  readonly title: string;
  readonly unit: string;
  readonly values: readonly number[];
  image(value: number): Promise<BenchImage>;
  options?(value: number): readonly string[];
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
    const costs = new Map<number, Cost>();
    for (const value of growth.values.filter((each) => each <= max)) {
      const cost = await pulls(growth, value, runs);
      console.log(
        `${value} ${growth.unit}: ${cost.wall.toFixed(0)} ms, ${cost.cpu.toFixed(0)} ms CPU`,
      );
      costs.set(value, cost);
    }
    if (save && costs.size > 0) await keep(name, growth, costs, runs);
  }
}

/** The median of some pulls, each into a new store. */
async function pulls(growth: Growth, value: number, runs: number): Promise<Cost> {
  const image = await growth.image(value);
  const costs: Cost[] = [];
  for (let turn = 0; turn < runs; turn++) {
    const folder = mkdtempSync(join(tmpdir(), 'rxfer-bench-'));
    const registry = await startDockerRegistry({ data: registryData });
    try {
      await run('sync');
      const options = ['--progress', 'none', '--store', folder, ...(growth.options?.(value) ?? [])];
      const reference = `${registry.host}/${image.name}:v1`;
      costs.push(await measure([...rxferCommand, 'pull', reference, ...options]));
      const found = Number(await run('sh', '-c', 'find "$0/layers" -type f | wc -l', folder));
      if (found < image.files) throw new Error(`${found} of ${image.files} files of ${image.name}`);
    } finally {
      await registry.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return medianCost(costs);
}

async function keep(
  name: string,
  growth: Growth,
  costs: ReadonlyMap<number, Cost>,
  runs: number,
): Promise<void> {
  const { title, unit } = growth;
  const plot = `performance-${name}.svg`;
  const line = (of: (cost: Cost) => number): [number, number][] =>
    [...costs].map(([value, cost]) => [value, of(cost)]);
  const series = [
    { name: 'wall, ms', points: line(({ wall }) => wall) },
    { name: 'CPU, ms', points: line(({ cpu }) => cpu) },
    { name: 'memory, MB', points: line(({ memory }) => memory / 1e6) },
  ];
  writeFileSync(join('docs', plot), plotSvg({ title, x: unit, y: 'ms, MB', series }));
  await record((results) =>
    withFigures(results, {
      name: `growth-${name}`,
      title,
      columns: [unit, 'wall, ms', 'CPU, ms', 'memory, MB', 'wall for each, ms'],
      lines: [...costs].map(([value, { wall, cpu, memory }]) => [
        value,
        ...[wall, cpu, memory / 1e6].map(Math.round),
        wall / value,
      ]),
      plot,
      command: `npm run bench:growth -- ${name} --runs ${runs}`,
      measured: circumstances(),
    }),
  );
}

void main();
