import PQueue from 'p-queue';
import { filter, lastValueFrom, mergeMap, NEVER, Observable, range } from 'rxjs';
import {
  progressEvent,
  resultEvent,
  TransferManager,
  whenStarted,
  type TransferEvent,
} from '../../src/transfer/index.js';

/** How many move data at a time. */
const limit = 8;

/** Transfers of as many keys as are asked for, each watched by one who wants its result. */
export interface Contestant {
  /** Moves all, and resolves with how many results were heard. */
  run(count: number): Promise<number>;
  /** Has them all in line behind jobs that never end; whoever holds the answer holds them. */
  park(count: number): unknown;
}

const downloading = progressEvent('Downloading');
const waiting = progressEvent('Waiting');
const done = resultEvent(1);

/**
 * The work, the same for all: one microtask after it starts it tells one progress and its result.
 * So what is measured is what it costs to have it scheduled, shared and watched.
 */
const work$ = new Observable<TransferEvent<number>>((watcher) => {
  queueMicrotask(() => {
    watcher.next(downloading);
    watcher.next(done);
    watcher.complete();
  });
});

type Tell = (event: TransferEvent<number>) => void;

/** The same as a function. */
const work = (tell: Tell): Promise<number> =>
  new Promise((resolve) => {
    queueMicrotask(() => {
      tell(downloading);
      resolve(1);
    });
  });

const never = new Promise<number>(() => undefined);

/** Transfers as an application uses them. */
const rxfer: Contestant = {
  async run(count) {
    const manager = new TransferManager<number>(limit);
    const job = whenStarted(() => work$);
    let results = 0;
    await new Promise<void>((resolve) => {
      let left = count;
      const watcher = {
        next: ({ kind }: TransferEvent<number>) => {
          if (kind === 'result') results++;
        },
        complete: () => {
          if (--left === 0) resolve();
        },
      };
      for (let key = 0; key < count; key++) manager.transfer(String(key), job).subscribe(watcher);
    });
    return results;
  },
  park(count) {
    const manager = new TransferManager<number>(limit);
    const job = whenStarted<number>(() => NEVER);
    for (let key = 0; key < count; key++) manager.transfer(String(key), job).subscribe();
    return manager;
  },
};

/**
 * p-queue and a map of promises, the least that shares by key: nobody hears of progress, and nobody
 * can leave.
 */
class PromisesByKey {
  readonly #queue = new PQueue({ concurrency: limit });
  readonly #alive = new Map<string, Promise<number>>();

  transfer(key: string, job: () => Promise<number>): Promise<number> {
    const living = this.#alive.get(key);
    if (living !== undefined) return living;
    const begun = this.#queue.add(job).finally(() => this.#alive.delete(key));
    this.#alive.set(key, begun);
    return begun;
  }
}

const unheard: Tell = () => undefined;

const promises: Contestant = {
  async run(count) {
    const transfers = new PromisesByKey();
    const all: Promise<number>[] = [];
    for (let key = 0; key < count; key++) {
      all.push(transfers.transfer(String(key), () => work(unheard)));
    }
    return (await Promise.all(all)).length;
  },
  park(count) {
    const transfers = new PromisesByKey();
    for (let key = 0; key < count; key++) void transfers.transfer(String(key), () => never);
    return transfers;
  },
};

interface Living {
  readonly tells: Set<Tell>;
  readonly controller: AbortController;
  readonly result: Promise<number>;
  latest: TransferEvent<number> | undefined;
}

interface Watching {
  readonly result: Promise<number>;
  leave(): void;
}

/**
 * p-queue and a map that does by hand what a transfer does: watchers hear of progress, a late one of
 * the latest at once, and the last one to leave cancels.
 */
class WatchedByKey {
  readonly #queue = new PQueue({ concurrency: limit });
  readonly #alive = new Map<string, Living>();

  watch(key: string, job: (tell: Tell) => Promise<number>, tell: Tell): Watching {
    const living = this.#alive.get(key) ?? this.#begin(key, job);
    living.tells.add(tell);
    if (living.latest !== undefined) tell(living.latest);
    const leave = (): void => {
      living.tells.delete(tell);
      if (living.tells.size > 0) return;
      if (this.#alive.get(key) === living) this.#alive.delete(key);
      living.controller.abort();
    };
    return { result: living.result, leave };
  }

  #begin(key: string, job: (tell: Tell) => Promise<number>): Living {
    const controller = new AbortController();
    const tellAll = (event: TransferEvent<number>): void => {
      living.latest = event;
      for (const tell of living.tells) tell(event);
    };
    const waits = this.#queue.pending >= limit;
    const result = this.#queue
      .add(() => job(tellAll), { signal: controller.signal })
      .finally(() => {
        if (this.#alive.get(key) === living) this.#alive.delete(key);
      });
    const living: Living = {
      tells: new Set(),
      controller,
      result,
      latest: waits ? waiting : undefined,
    };
    this.#alive.set(key, living);
    return living;
  }
}

const watchedPromises: Contestant = {
  async run(count) {
    const transfers = new WatchedByKey();
    const all: Promise<number>[] = [];
    for (let key = 0; key < count; key++) {
      all.push(transfers.watch(String(key), work, () => undefined).result);
    }
    return (await Promise.all(all)).length;
  },
  park(count) {
    const transfers = new WatchedByKey();
    for (let key = 0; key < count; key++) {
      transfers.watch(
        String(key),
        () => never,
        () => undefined,
      );
    }
    return transfers;
  },
};

/** mergeMap alone: runs the work under the limit, shares nothing, knows no keys. */
const mergeMapAlone: Contestant = {
  async run(count) {
    let results = 0;
    await lastValueFrom(
      range(0, count).pipe(
        mergeMap(() => work$, limit),
        filter(({ kind }) => kind === 'result' && ++results > 0),
      ),
    );
    return results;
  },
  park(count) {
    return range(0, count)
      .pipe(mergeMap(() => NEVER, limit))
      .subscribe();
  },
};

export const contestants = {
  rxfer,
  'p-queue + map of promises': promises,
  'p-queue + map, watched': watchedPromises,
  'mergeMap alone': mergeMapAlone,
} as const satisfies Record<string, Contestant>;

export type ContestantName = keyof typeof contestants;
