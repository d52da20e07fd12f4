/**
 * `npm run bench -- [scenario...] [--image NAME]... [--link] [--runs N]`: rxfer against what people
 * use now, by turns, on the same registry; docs/performance.md has the results.
 */
import { Command, InvalidArgumentError } from 'commander';
import { startDockerRegistry } from '../support/docker-registry.js';
import { isOnPath } from '../support/peers.js';
import { run } from '../support/run.js';
import type { Contestant } from './contestants.js';
import { benchImage, imageNames, registryData, type BenchImage } from './fixtures.js';
import { floor } from './floor.js';
import { openLink, slowLink } from './link.js';
import { circumstances } from './machine.js';
import { medianCost, type Cost } from './processes.js';
import { page, record } from './record.js';
import { renderResults } from './render.js';
import { resultsFile, withComparison, type Comparison } from './results.js';
import { scenarios, type Scenario } from './scenarios.js';
import { withFolder } from './with-folder.js';

const all: Readonly<Record<string, Scenario>> = {
  ...scenarios,
  floor: {
    title: 'The floor: the plainest programs for the parts',
    contestants: floor,
    before: 'nothing',
    registry: 'full',
  },
};

interface Options {
  readonly runs: number;
  readonly image?: readonly string[];
  readonly link: boolean;
  readonly save: boolean;
}

async function main(): Promise<void> {
  const names = Object.keys(all);
  const program = new Command('bench')
    .argument('[scenarios...]', `of ${names.join(', ')}; all by default`, oneOf(names))
    .option('--image <name>', `of ${imageNames.join(', ')}; may be repeated`, oneOf(imageNames))
    .option('--runs <n>', 'how often each does it', wholeNumber, 7)
    .option('--link', 'behind 200 Mbit/s with a round trip of 30 ms', false)
    .option('--no-save', `print the results and leave ${resultsFile} and ${page} as they are`)
    .parse();
  const { runs, image = imageNames, link, save } = program.opts<Options>();
  const [chosen] = program.processedArgs as [readonly string[] | undefined];
  for (const scenario of chosen === undefined || chosen.length === 0 ? names : chosen) {
    for (const name of image) {
      if (scenario === 'update' && !name.startsWith('programs')) continue;
      const comparison = await compare(scenario, await benchImage(name), link, runs);
      console.log(`\n${renderResults({ comparisons: [comparison], figures: [] })}\n`);
      // One by one: what is interrupted keeps what it has.
      if (save) await record((results) => withComparison(results, comparison));
    }
  }
}

/** Measures one scenario with one image, the contestants taking turns. */
async function compare(
  name: string,
  asked: BenchImage,
  isSlow: boolean,
  runs: number,
): Promise<Comparison> {
  const scenario = all[name];
  if (scenario === undefined) throw new Error(`no scenario '${name}'`);
  const image =
    scenario.before === 'previous'
      ? await benchImage(asked.name.replace('programs', 'programs-next'))
      : asked;
  const before = scenario.before === 'nothing' ? undefined : asked;
  const { taking, absent } = sorted(scenario.contestants, image);
  const costs = new Map<Contestant, Cost[]>(taking.map((each) => [each, []]));
  for (let turn = 0; turn < runs; turn++) {
    for (const [contestant, seen] of costs) {
      const cost = await attempt(scenario, contestant, image, before, isSlow);
      console.error(`${name}, ${image.name}: ${contestant.name} ${cost.wall.toFixed(0)} ms`);
      seen.push(cost);
    }
  }
  return {
    scenario: name,
    image: asked.name,
    link: isSlow ? 'slow' : 'loopback',
    title: scenario.title,
    imageTitle: asked.title,
    rows: [...costs].map(([{ name, against = [] }, seen]) => ({
      name,
      against,
      cost: medianCost(seen),
      walls: seen.map(({ wall }) => Math.round(wall)),
    })),
    absent,
    runs,
    measured: circumstances(),
  };
}

/** Who can take part, and who can't. */
function sorted(
  contestants: readonly Contestant[],
  image: BenchImage,
): { taking: Contestant[]; absent: Comparison['absent'] } {
  const reasons = contestants.map((contestant) => {
    const missing = contestant.needs.filter((command) => !isOnPath(command));
    if (missing.length > 0) return `${missing.join(', ')} not installed`;
    return contestant.excuse?.(image);
  });
  return {
    taking: contestants.filter((_, index) => reasons[index] === undefined),
    absent: contestants.flatMap(({ name }, index) => {
      const reason = reasons[index];
      return reason === undefined ? [] : [{ name, reason }];
    }),
  };
}

/** One run, from nothing to nothing. */
function attempt(
  { registry: kind }: Scenario,
  contestant: Contestant,
  image: BenchImage,
  before: BenchImage | undefined,
  isSlow: boolean,
): Promise<Cost> {
  return withFolder(async (folder) => {
    const registry = await startDockerRegistry(kind === 'full' ? { data: registryData } : {});
    const link = isSlow ? await openLink(registry.host, slowLink) : undefined;
    try {
      // What ran before shall not be written at this one's expense.
      await run('sync');
      return await contestant.run({ image, before, folder, host: link?.host ?? registry.host });
    } finally {
      await link?.close();
      await registry.stop();
    }
  });
}

function oneOf(names: readonly string[]) {
  return (name: string, before?: readonly string[]): readonly string[] => {
    if (!names.includes(name)) throw new InvalidArgumentError(`There are ${names.join(', ')}.`);
    return [...(before ?? []), name];
  };
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text))
    throw new InvalidArgumentError('Give a whole number from 1 up.');
  return Number(text);
}

void main();
