/**
 * `npm run bench:kernel`: what a transfer costs beside its work, at 1,000, 10,000 and 100,000 keys
 * with 8 slots, next to the same work done otherwise: by p-queue with the least of a map of
 * promises, by p-queue with a map that does by hand what transfers do, by mergeMap, which shares
 * nothing, and by the least that tells each watcher by RxJS: the floor (kernel-contestants.ts). What
 * rxfer costs beyond the floor, the difference of the two in each table, is its own overhead.
 *
 * What is done to be fair:
 *
 * - All do the same work for the same keys, and have to come to the same number of results.
 * - They take turns, round by round, each round begun by another, so that what else the machine does
 *   meets all of them; the middle round counts.
 * - A round moves 100,000 transfers whatever the count at a time, after a round of each size that
 *   isn't counted, so that no size runs colder code than another.
 * - All garbage is collected ahead of each measurement, and what is made within it, within it.
 * - What is left of the wall time without V8's pauses to collect garbage stands for itself: they grow
 *   with what is alive, which for very many transfers is copied more than once. How the cost grows is
 *   measured again in a process whose young generation holds all that waits, so that V8 copies none.
 * - Beside the wall time stands the CPU time of the whole process, collection of garbage in other
 *   threads included: on a busy machine it is what can be trusted.
 */
import { spawnSync } from 'node:child_process';
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { contestants, type ContestantName } from './kernel-contestants.js';

const sizes = [1000, 10_000, 100_000];
const perRound = 100_000;
const rounds = 7;
const names = Object.keys(contestants) as ContestantName[];

interface Cost {
  /** In µs a transfer. */
  readonly wall: number;
  readonly cpu: number;
  /** The wall time without pauses to collect garbage. */
  readonly own: number;
}

function collect(): void {
  if (globalThis.gc === undefined) throw new Error('Run it with node --expose-gc');
  globalThis.gc();
}

let paused = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) paused += duration;
}).observe({ entryTypes: ['gc'] });

/** How long the collections of garbage so far have paused all else, in ms. */
async function pausedSoFar(): Promise<number> {
  // The observer is told in a turn of its own.
  await setImmediate();
  await setImmediate();
  return paused;
}

async function round(name: ContestantName, count: number): Promise<Cost> {
  collect();
  const pausedBefore = await pausedSoFar();
  const begin = performance.now();
  const cpuBegin = process.cpuUsage();
  let results = 0;
  while (results < perRound) results += await contestants[name].run(count);
  const { user, system } = process.cpuUsage(cpuBegin);
  const wall = performance.now() - begin;
  const own = wall - ((await pausedSoFar()) - pausedBefore);
  if (results !== perRound) throw new Error(`${name} came to ${results} results`);
  return {
    wall: (wall * 1000) / perRound,
    cpu: (user + system) / perRound,
    own: (own * 1000) / perRound,
  };
}

type Costs = Record<ContestantName, Cost>;

/** The middle one of all rounds, by wall time and by CPU time. */
async function costsOf(count: number): Promise<Costs> {
  const measured = new Map<ContestantName, Cost[]>(names.map((name) => [name, []]));
  for (let turn = 0; turn < rounds; turn++) {
    const first = turn % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      measured.get(name)?.push(await round(name, count));
    }
  }
  const middle = (name: ContestantName, of: keyof Cost): number => {
    const all = (measured.get(name) ?? []).map((cost) => cost[of]).sort((a, b) => a - b);
    return all[Math.floor(all.length / 2)] ?? Number.NaN;
  };
  return byName((name) => ({
    wall: middle(name, 'wall'),
    cpu: middle(name, 'cpu'),
    own: middle(name, 'own'),
  }));
}

function byName<V>(of: (name: ContestantName) => V): Record<ContestantName, V> {
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<ContestantName, V>;
}

/** How much heap is in use once all that can be is collected, in bytes. */
function heapInUse(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

/** In a frame of its own, which leaves nothing of it alive. */
function warmUp(name: ContestantName, count: number): void {
  contestants[name].park(count);
}

/** What one transfer in line weighs, in bytes: among 20,000. */
function weightOf(name: ContestantName): number {
  const count = 20_000;
  warmUp(name, count);
  const before = heapInUse();
  const parked = contestants[name].park(count);
  const weight = (heapInUse() - before) / count;
  if (parked === undefined) throw new Error('Nothing was parked');
  return weight;
}

/**
 * What one transfer allocates from its beginning to its end, in bytes: among so few that nothing is
 * collected meanwhile.
 */
async function allocatedBy(name: ContestantName): Promise<number> {
  const count = 100;
  const samples: number[] = [];
  for (let sample = 0; sample < 21; sample++) {
    collect();
    const before = process.memoryUsage().heapUsed;
    await contestants[name].run(count);
    samples.push((process.memoryUsage().heapUsed - before) / count);
  }
  return samples.sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;
}

/** How much more heap is in use after 100,000 transfers than before, in bytes. */
async function heapGrowth(): Promise<number> {
  const before = heapInUse();
  await contestants.rxfer.run(100_000);
  return heapInUse() - before;
}

const times = (ratio: number): string => `×${ratio.toFixed(2)}`;

function line(title: string, cells: readonly string[]): void {
  console.log([title.padEnd(42), ...cells.map((cell) => cell.padStart(20))].join(''));
}

const dearestToCheapest = (costs: readonly number[]): string =>
  times(Math.max(...costs) / Math.min(...costs));

const floor: ContestantName = 'RxJS subscriptions in a map alone';

function table(title: string, costs: readonly Costs[], of: keyof Cost): void {
  console.log('');
  line(`${title}, µs a transfer`, [...sizes.map(String), 'dearest to cheapest']);
  for (const name of names) {
    const own = costs.map((cost) => cost[name][of]);
    const cells = costs.map((cost) => {
      const ratio = name === 'rxfer' ? '' : ` (rxfer ${times(cost.rxfer[of] / cost[name][of])})`;
      return `${cost[name][of].toFixed(1)}${ratio}`;
    });
    line(name, [...cells, dearestToCheapest(own)]);
  }
  const beyond = costs.map((cost) => cost.rxfer[of] - cost[floor][of]);
  line('rxfer beyond RxJS', [...beyond.map((cost) => cost.toFixed(1)), dearestToCheapest(beyond)]);
}

const roomy = ['--min-semi-space-size=256', '--max-semi-space-size=256'];

/** Runs this program in a process with a large young generation, for the first table alone. */
function measureWithRoom(): void {
  spawnSync(process.execPath, ['--expose-gc', ...roomy, ...process.argv.slice(1)], {
    stdio: 'inherit',
  });
}

async function main(): Promise<void> {
  const hasRoom = process.execArgv.includes(roomy[0] ?? '');
  for (const count of sizes) for (const name of names) await round(name, count);
  const costs: Costs[] = [];
  for (const count of sizes) costs.push(await costsOf(count));
  if (hasRoom) {
    table('wall time, young generation of 256 MB', costs, 'wall');
    return;
  }
  table('wall time', costs, 'wall');
  table('without collecting garbage', costs, 'own');
  table('CPU time', costs, 'cpu');
  console.log('');
  line('bytes of one transfer', ['allocated in all', 'kept in line']);
  for (const name of names) {
    line(name, [(await allocatedBy(name)).toFixed(0), weightOf(name).toFixed(0)]);
  }
  console.log(`\nheap after 100,000 as before: ${((await heapGrowth()) / 1e6).toFixed(2)} MB more`);
  measureWithRoom();
}

void main();
