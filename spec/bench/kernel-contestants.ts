import PQueue from 'p-queue';
import {
  filter,
  lastValueFrom,
  mergeMap,
  NEVER,
  Observable,
  range,
  type Observer,
  type Subscriber,
} from 'rxjs';
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

/**
 * Subscribes to what `transfer` makes of each key, with a watcher that wants its result: resolves
 * with how many results were heard.
 */
function results(
  count: number,
  transfer: (key: string) => Observable<TransferEvent<number>>,
): Promise<number> {
  return new Promise((resolve) => {
    let heard = 0;
    let left = count;
    const watcher: Partial<Observer<TransferEvent<number>>> = {
      next: ({ kind }) => {
        if (kind === 'result') heard++;
      },
      complete: () => {
        if (--left === 0) resolve(heard);
      },
    };
    for (let key = 0; key < count; key++) transfer(String(key)).subscribe(watcher);
  });
}

/** Transfers as an application uses them. */
const rxfer: Contestant = {
  run(count) {
    const manager = new TransferManager<number>(limit);
    const job = whenStarted(() => work$);
    return results(count, (key) => manager.transfer(key, job));
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

/**
 * RxJS subscriptions in a map alone: each watcher is subscribed, waits by its key, can leave, and is
 * told of the work. It shares nothing, and nobody comes later or goes ahead of others. It is the
 * floor: what tells its watchers by RxJS, whatever else it does, does this too.
 */
class SubscriptionsByKey {
  readonly #watchers = new Map<string, Subscriber<TransferEvent<number>>>();

  watch(key: string): Observable<TransferEvent<number>> {
    return new Observable((watcher) => {
      this.#watchers.set(key, watcher);
      return () => this.#watchers.delete(key);
    });
  }

  /** Works for all that watch, in the order in which they came. */
  work(): void {
    const next = this.#watchers.values();
    const serve = (): void => {
      const watcher = next.next().value;
      watcher?.add(serve);
      if (watcher !== undefined) work$.subscribe(watcher);
    };
    for (let slot = 0; slot < limit; slot++) serve();
  }
}

const subscriptions: Contestant = {
  run(count) {
    const watched = new SubscriptionsByKey();
    const heard = results(count, (key) => watched.watch(key));
    watched.work();
    return heard;
  },
  park(count) {
    const watched = new SubscriptionsByKey();
    for (let key = 0; key < count; key++) watched.watch(String(key)).subscribe();
    return watched;
  },
};

export const contestants = {
  rxfer,
  'p-queue + map of promises': promises,
  'p-queue + map, watched': watchedPromises,
  'mergeMap alone': mergeMapAlone,
  'RxJS subscriptions in a map alone': subscriptions,
} as const satisfies Record<string, Contestant>;

export type ContestantName = keyof typeof contestants;
