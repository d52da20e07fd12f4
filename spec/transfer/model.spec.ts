import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import fc from 'fast-check';
import {
  config,
  Observable,
  skip,
  Subject,
  take,
  takeUntil,
  VirtualTimeScheduler,
  type Observer,
} from 'rxjs';
import {
  progressEvent,
  TransferManager,
  type LiveTransfer,
  type TransferContext,
  type TransferEvent,
  type TransferJob,
} from '../../src/transfer/index.js';
import { ReferenceModel, type ModelTransfer } from './reference-model.js';

/** What can be done, from outside or from inside a handler. Numbers choose among what there is. */
type Action =
  | { readonly do: 'watch'; readonly key: string; readonly wish: Wish; readonly inside: Inside }
  | { readonly do: 'unwatch' | Which; readonly index: number }
  | { readonly do: 'replace'; readonly index: number; readonly wish: Wish }
  | { readonly do: 'limit'; readonly limit: number };

/** What is done to a transfer. */
type Which = 'inactive' | 'progress' | 'complete' | 'fail' | 'finish cleanup';

interface Wish {
  readonly priority: number;
  readonly group: string | undefined;
  readonly cleanup: boolean;
}

/** What a watcher does in its first `on`. */
interface Inside {
  readonly on: 'next' | 'end';
  readonly act: 'nothing' | 'throw' | Action;
}

/** What the specs hold of a running job. */
interface Job {
  readonly context: TransferContext;
  readonly told$: Subject<TransferEvent<string>>;
  readonly cleanup$: Subject<never>;
  starts: number;
  subscribed: number;
  tornDown: number;
}

interface Watcher {
  readonly stop$: Subject<void>;
  readonly inside: Inside;
  acted: boolean;
  left: boolean;
  readonly heard: number[];
}

/** The manager and its model, to which everything is done alike. */
class Both {
  readonly model: ReferenceModel;
  readonly manager: TransferManager<string>;
  readonly watchers = new Map<number, Watcher>();
  readonly jobs = new Map<number, Job>();
  readonly started: number[] = [];
  readonly thrown = new Set<unknown>();
  readonly #busy = new Map<string, number>();
  // Real timers cost more than all the rest.
  readonly #scheduler = new VirtualTimeScheduler();
  #numbers = 0;

  constructor(limit: number) {
    this.model = new ReferenceModel(limit);
    this.manager = new TransferManager(limit, { scheduler: this.#scheduler });
  }

  run(action: Action): void {
    if (action.do === 'watch') this.#watch(action.key, action.wish, action.inside);
    else if (action.do === 'limit') this.#limit(action.limit);
    else if (action.do === 'unwatch') this.#unwatch(action.index);
    else if (action.do === 'replace') this.#replace(action.index, action.wish);
    else this.#toTransfer(action.do, action.index);
  }

  /** What must hold after every step. Plain assertions: there are millions of them. */
  check(): void {
    const { model } = this;
    deepStrictEqual(this.started, model.started);
    const [active, waiting] = [model.count('active'), model.count('waiting')];
    deepStrictEqual(now(this.manager.state$), { active, waiting, limit: model.limit });
    if (model.limit !== 0 && active < model.limit) strictEqual(waiting, 0);
    strictEqual(
      now(this.manager.transfers$).map(shown).sort().join(),
      model.transfers.map(shownModel).sort().join(),
    );
    for (const one of model.transfers) {
      for (const number of one.watchers) {
        // Each has heard the latest, and nothing twice or out of order.
        const { heard } = this.watchers.get(number)!;
        strictEqual(heard.at(-1), one.latest);
        ok(heard.every((event, index) => index === 0 || event > heard[index - 1]!));
      }
    }
    const started = new Set(model.started);
    const living = new Set(model.transfers.filter(({ phase }) => phase !== 'over').map(idOf));
    for (const [id, job] of this.jobs) {
      strictEqual(job.subscribed, 1);
      strictEqual(job.starts, started.has(id) ? 1 : 0);
      strictEqual(job.tornDown, living.has(id) ? 0 : 1);
      strictEqual(job.context.signal.aborted, this.#cancelledOrFailed.has(id));
    }
  }

  /** Everybody leaves and every cleanup ends: nothing is left. */
  end(): void {
    for (const number of this.watchers.keys()) this.#leave(number);
    for (const one of this.model.transfers.filter(({ begun }) => begun)) this.#finish(one);
    this.check();
    strictEqual(this.model.transfers.length, 0);
    strictEqual(now(this.manager.transfers$).length, 0);
    const { limit } = this.model;
    deepStrictEqual(now(this.manager.state$), { active: 0, waiting: 0, limit });
  }

  readonly #cancelledOrFailed = new Set<number>();

  #watch(key: string, wish: Wish, inside: Inside): void {
    const number = this.#numbers++;
    const stop$ = new Subject<void>();
    const watcher: Watcher = { stop$, inside, acted: false, left: false, heard: [] };
    this.watchers.set(number, watcher);
    this.model.watch(number, key, wish.priority, wish.group, wish.cleanup);
    this.manager
      .transfer(key, this.#job(number, key, wish.cleanup), wish)
      .pipe(takeUntil(stop$))
      .subscribe(this.#handlers(watcher));
  }

  #handlers(watcher: Watcher): Observer<TransferEvent<string>> {
    const act = (on: Inside['on']): void => {
      if (watcher.acted || watcher.left || watcher.inside.on !== on) return;
      watcher.acted = true;
      const { act: what } = watcher.inside;
      if (what === 'throw') {
        const error = new Error('a bad watcher');
        this.thrown.add(error);
        throw error;
      }
      if (what !== 'nothing') this.run(what);
    };
    return {
      next: (event) => {
        ok(!watcher.left);
        if (event.kind === 'progress') watcher.heard.push(event.progress.current!);
        act('next');
      },
      error: () => act('end'),
      complete: () => act('end'),
    };
  }

  #job(id: number, key: string, withCleanup: boolean): TransferJob<string> {
    return (context) => {
      // No key is alive twice, the teardown included.
      ok(!this.#busy.has(key));
      this.#busy.set(key, id);
      const cleanup$ = new Subject<never>();
      const told$ = new Subject<TransferEvent<string>>();
      const job: Job = { context, told$, cleanup$, starts: 0, subscribed: 0, tornDown: 0 };
      this.jobs.set(id, job);
      if (withCleanup) context.cleanup(cleanup$);
      return new Observable((watcher) => {
        job.subscribed++;
        const start = context.start$.subscribe(() => {
          job.starts++;
          this.started.push(id);
        });
        watcher.add(told$.subscribe(watcher));
        return () => {
          start.unsubscribe();
          job.tornDown++;
          this.#busy.delete(key);
        };
      });
    };
  }

  #limit(limit: number): void {
    this.model.setLimit(limit);
    this.manager.setConcurrency(limit);
  }

  #unwatch(index: number): void {
    const number = this.#present(index);
    if (number !== undefined) this.#leave(number);
  }

  /** A watcher leaves, and whoever hears of that first by `transfers$` asks for its key again. */
  #replace(index: number, wish: Wish): void {
    const number = this.#present(index);
    const one = this.model.transfers.find(({ watchers }) => watchers.has(number ?? -1));
    if (number === undefined || one === undefined) return;
    const changes$ = this.manager.transfers$.pipe(skip(1), take(1));
    const told = changes$.subscribe(() =>
      this.#watch(one.key, wish, { on: 'next', act: 'nothing' }),
    );
    // The time is over in which no more than one change is told.
    this.#scheduler.flush();
    this.#leave(number);
    told.unsubscribe();
  }

  #present(index: number): number | undefined {
    const present = this.model.transfers.flatMap((one) => [...one.watchers]);
    return present[index % Math.max(1, present.length)];
  }

  #leave(number: number): void {
    const watcher = this.watchers.get(number)!;
    if (watcher.left) return;
    watcher.left = true;
    const one = this.model.transfers.find(({ watchers }) => watchers.has(number));
    if (one?.watchers.size === 1) this.#cancelledOrFailed.add(one.id);
    this.model.unwatch(number);
    watcher.stop$.next();
  }

  #toTransfer(what: Which, index: number): void {
    const able = this.model.transfers.filter(
      ({ begun, phase }) => begun && (what === 'finish cleanup' || phase !== 'over'),
    );
    const one = able[index % Math.max(1, able.length)];
    if (one === undefined) return;
    if (what === 'finish cleanup') this.#finish(one);
    else if (what === 'progress') this.#progress(one);
    else if (what === 'inactive') this.#inactive(one);
    else this.#endJob(one, what);
  }

  #finish(one: ModelTransfer): void {
    this.model.finishCleanup(one);
    this.jobs.get(one.id)!.cleanup$.complete();
  }

  #progress(one: ModelTransfer): void {
    one.latest = this.#numbers++;
    this.jobs.get(one.id)!.told$.next(progressEvent('p', { current: one.latest }));
  }

  #inactive(one: ModelTransfer): void {
    this.model.inactive(one);
    this.jobs.get(one.id)!.context.inactive();
  }

  #endJob(one: ModelTransfer, what: 'complete' | 'fail'): void {
    const { told$ } = this.jobs.get(one.id)!;
    if (what === 'fail') this.#cancelledOrFailed.add(one.id);
    this.model.end(one);
    if (what === 'complete') told$.complete();
    else told$.error(new Error('failed'));
    this.model.downAfter(one);
  }
}

/** What an Observable that starts with its present state emits now. */
function now<S>(state$: Observable<S>): S {
  let state: S | undefined;
  state$.pipe(take(1)).subscribe((present) => (state = present));
  return state!;
}

const idOf = ({ id }: ModelTransfer): number => id;

const shown = ({ key, phase, watchers }: LiveTransfer): string => `${key} ${phase} ${watchers}`;

const shownModel = ({ key, phase, watchers }: ModelTransfer): string =>
  `${key} ${phase === 'over' ? 'closing' : phase} ${watchers.size}`;

const index = fc.nat({ max: 20 });
const limit = fc.nat({ max: 4 });
const wish: fc.Arbitrary<Wish> = fc.record({
  priority: fc.constantFrom(0, 0, 0, 1, 2),
  group: fc.constantFrom(undefined, undefined, 'g', 'h'),
  cleanup: fc.boolean(),
});
const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const which = fc.constantFrom<Which>(
  'inactive',
  'progress',
  'progress',
  'complete',
  'fail',
  'finish cleanup',
);

function actions(inside: fc.Arbitrary<Inside>): fc.Arbitrary<Action> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('watch' as const), key, wish, inside }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('unwatch' as const), index }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('replace' as const), index, wish }) },
    { weight: 4, arbitrary: fc.record({ do: which, index }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('limit' as const), limit }) },
  );
}

const quiet = fc.constant<Inside>({ on: 'next', act: 'nothing' });
const on = fc.constantFrom<Inside['on']>('next', 'end');
const inside: fc.Arbitrary<Inside> = fc.oneof(
  quiet,
  fc.record({ on, act: fc.constant('throw' as const) }),
  fc.record({ on, act: actions(quiet) }),
);

class Step implements fc.Command<ReferenceModel, Both> {
  constructor(private readonly action: Action) {}

  check(): boolean {
    return true;
  }

  run(_model: ReferenceModel, both: Both): void {
    both.run(this.action);
    both.check();
  }

  toString(): string {
    return JSON.stringify(this.action);
  }
}

describe('the manager and its reference model', () => {
  const runs = Number(process.env['RXFER_RUNS'] ?? 2000);
  const seed = Number(process.env['RXFER_SEED'] ?? Date.now() % 2 ** 31);

  it(`agree after every step of ${runs} random histories (RXFER_SEED=${seed})`, async () => {
    const reported = new Set<unknown>();
    const thrown = new Set<unknown>();
    config.onUnhandledError = (error) => reported.add(error);
    try {
      const histories = fc.commands([actions(inside).map((action) => new Step(action))], {
        maxCommands: 50,
      });
      fc.assert(
        fc.property(fc.nat({ max: 4 }), histories, (first, commands) => {
          const both = new Both(first);
          fc.modelRun(() => ({ model: both.model, real: both }), commands);
          both.end();
          for (const error of both.thrown) thrown.add(error);
        }),
        { numRuns: runs, seed },
      );
      // RxJS reports what watchers throw in a turn of its own.
      await new Promise((resolve) => setTimeout(resolve, 10));
    } finally {
      config.onUnhandledError = null;
    }
    expect(reported).toEqual(thrown);
  }, 300_000);
});
