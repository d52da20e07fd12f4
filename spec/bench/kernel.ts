/**
 * `npm run bench:kernel`: what a transfer costs beside its work, at 1,000, 10,000 and 100,000 keys
 * with 8 slots, and the heap after as before. The same work is done by p-queue with a map of
 * promises made by hand, and by plain mergeMap, which shares nothing; by turns, several rounds.
 */
import PQueue from 'p-queue';
import { lastValueFrom, mergeMap, Observable, range } from 'rxjs';
import { resultEvent, TransferManager, whenStarted } from '../../src/transfer/index.js';

const limit = 8;
const sizes = [1000, 10_000, 100_000];
const perRound = 100_000;
const rounds = 7;

/** The work: nothing, one microtask later. */
const work$ = new Observable<ReturnType<typeof resultEvent<number>>>((watcher) => {
  queueMicrotask(() => {
    watcher.next(resultEvent(1));
    watcher.complete();
  });
});

const contestants = {
  rxfer: async (count: number): Promise<void> => {
    const manager = new TransferManager<number>(limit);
    const job = whenStarted(() => work$);
    await new Promise<void>((resolve) => {
      let left = count;
      const complete = (): void => {
        if (--left === 0) resolve();
      };
      for (let key = 0; key < count; key++) {
        manager.transfer(String(key), job).subscribe({ complete });
      }
    });
  },
  'p-queue and a map': async (count: number): Promise<void> => {
    const queue = new PQueue({ concurrency: limit });
    const alive = new Map<string, Promise<number>>();
    const transfer = (key: string): Promise<number> => {
      const living = alive.get(key);
      if (living !== undefined) return living;
      const begun = queue
        .add(() => new Promise<number>((resolve) => queueMicrotask(() => resolve(1))))
        .finally(() => alive.delete(key));
      alive.set(key, begun);
      return begun;
    };
    const all: Promise<number>[] = [];
    for (let key = 0; key < count; key++) all.push(transfer(String(key)));
    await Promise.all(all);
  },
  mergeMap: async (count: number): Promise<void> => {
    await lastValueFrom(range(0, count).pipe(mergeMap(() => work$, limit)));
  },
} as const;

type Name = keyof typeof contestants;

/**
 * The middle one of some rounds, in µs of wall time a transfer. Each round moves the same number
 * of transfers, whatever the count at a time, so that each is as warm as the others.
 */
async function medians(count: number): Promise<Record<Name, number>> {
  const names = Object.keys(contestants) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      globalThis.gc?.();
      const begin = performance.now();
      for (let done = 0; done < perRound; done += count) await contestants[name](count);
      times.get(name)?.push(((performance.now() - begin) * 1000) / perRound);
    }
  }
  const middle = (name: Name): number =>
    times.get(name)?.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;
  return Object.fromEntries(names.map((name) => [name, middle(name)])) as Record<Name, number>;
}

/** How much more heap is in use after 100,000 transfers than before, in bytes. */
async function heapGrowth(): Promise<number> {
  const used = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };
  const before = used();
  await contestants.rxfer(100_000);
  return used() - before;
}

async function main(): Promise<void> {
  const costs: number[] = [];
  for (const count of sizes) {
    const cost = await medians(count);
    costs.push(cost.rxfer);
    const others = (['p-queue and a map', 'mergeMap'] as const).map(
      (name) =>
        `${name} ${cost[name].toFixed(1)} µs (rxfer ×${(cost.rxfer / cost[name]).toFixed(2)})`,
    );
    console.log(`${count}: rxfer ${cost.rxfer.toFixed(1)} µs a transfer, ${others.join(', ')}`);
  }
  console.log(`dearest to cheapest size: ×${(Math.max(...costs) / Math.min(...costs)).toFixed(2)}`);
  console.log(`heap after as before: ${((await heapGrowth()) / 1e6).toFixed(2)} MB more`);
}

void main();
