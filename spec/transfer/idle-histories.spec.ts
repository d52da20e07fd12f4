import fc from 'fast-check';
import {
  concat,
  defer,
  EMPTY,
  finalize,
  of,
  Subject,
  switchMap,
  take,
  VirtualTimeScheduler,
} from 'rxjs';
import {
  progressEvent,
  TransferManager,
  whenStarted,
  type LiveTransfer,
  type TransferContext,
  type TransferEvent,
  type TransferJob,
  type TransferManagerState,
} from '../../src/transfer/index.js';

type Event = TransferEvent<string>;

/** Something done, from outside or from inside a handler. Numbers choose among what there is. */
type Action =
  | { readonly do: 'watch'; readonly key: string; readonly priority: number; readonly at: At }
  | { readonly do: 'unwatch' | ToJob; readonly one: number }
  | { readonly do: 'limit'; readonly limit: number };

type ToJob = 'progress' | 'complete' | 'fail' | 'inactive' | 'cleaned up';

/** What a watcher does when it first hears a word. */
interface At {
  readonly hears: 'First' | 'Waiting' | 'p' | 'failed' | 'end';
  readonly act: Action | undefined;
}

type MakeJob = (run: TransferJob<string>, first: boolean) => TransferJob<string>;

const idle: MakeJob = (run, first) => whenStarted(run, first ? { first: 'First' } : {});

const byHand: MakeJob = (run, first) => (context) =>
  concat(
    first ? of(progressEvent('First')) : EMPTY,
    defer(() =>
      context.started
        ? run(context)
        : concat(of(progressEvent('Waiting')), context.start$.pipe(switchMap(() => run(context)))),
    ),
  );

/** A manager to which things are done, and all that can be seen of it. */
class History {
  readonly log: string[] = [];
  readonly #manager: TransferManager<string>;
  readonly #running: {
    told$: Subject<Event>;
    context: TransferContext;
    cleanup$: Subject<never>;
  }[] = [];
  readonly #stops: Subject<void>[] = [];
  /** Told as we look: whether a job is down before or after its end is heard depends on operators. */
  readonly #down: number[] = [];

  constructor(
    limit: number,
    private readonly makeJob: MakeJob,
  ) {
    // Real timers cost more than all the rest.
    const scheduler = new VirtualTimeScheduler();
    this.#manager = new TransferManager<string>(limit, { scheduler });
    const tell = ({ active, waiting, limit: now }: TransferManagerState): void => {
      this.log.push(`active ${active}, waiting ${waiting}, limit ${now}`);
    };
    this.#manager.state$.subscribe(tell);
  }

  run(action: Action): void {
    if (action.do === 'watch') this.#watch(action.key, action.priority, action.at);
    else if (action.do === 'limit') this.#manager.setConcurrency(action.limit);
    else if (action.do === 'unwatch') this.#stops[action.one % this.#stops.length]?.next();
    else this.#toJob(action.do, action.one);
  }

  look(): void {
    let list: readonly LiveTransfer[] = [];
    this.#manager.transfers$.pipe(take(1)).subscribe((now) => (list = now));
    for (const { key, phase, watchers, progress } of list) {
      this.log.push(`${key} is ${phase}, ${watchers} watch ${progress?.phase}`);
    }
    this.log.push(`down: ${[...this.#down].sort().join(', ')}`);
  }

  #toJob(what: ToJob, one: number): void {
    const job = this.#running[one % this.#running.length];
    if (what === 'progress') job?.told$.next(progressEvent('p'));
    else if (what === 'complete') job?.told$.complete();
    else if (what === 'fail') job?.told$.error(new Error('failed'));
    else if (what === 'inactive') job?.context.inactive();
    else job?.cleanup$.complete();
  }

  #watch(key: string, priority: number, { hears, act }: At): void {
    const number = this.#stops.length;
    const stop$ = new Subject<void>();
    this.#stops.push(stop$);
    let acted = false;
    const happens = (what: At['hears']): void => {
      this.log.push(`${number} ${what}`);
      if (what !== hears || acted || act === undefined) return;
      acted = true;
      this.run(act);
      this.log.push(`${number} has acted`);
    };
    const transfer$ = this.#manager.transfer(key, this.makeJob(this.#job(number), number % 4 < 2), {
      priority,
      group: number % 2,
    });
    const watching = transfer$.subscribe({
      next: (event) => event.kind === 'progress' && happens(event.progress.phase as At['hears']),
      error: () => happens('failed'),
      complete: () => happens('end'),
    });
    stop$.subscribe(() => watching.unsubscribe());
  }

  #job(number: number): TransferJob<string> {
    return (context) => {
      const [told$, cleanup$] = [new Subject<Event>(), new Subject<never>()];
      this.#running.push({ told$, context, cleanup$ });
      context.signal.addEventListener('abort', () => this.log.push(`${number} is aborted`));
      if (number % 3 === 0) context.cleanup(cleanup$);
      this.log.push(`${number} runs`);
      return told$.pipe(finalize(() => this.#down.push(number)));
    };
  }
}

const one = fc.nat({ max: 12 });

function actions(inside: fc.Arbitrary<Action | undefined>): fc.Arbitrary<Action> {
  const hears = fc.constantFrom<At['hears']>('First', 'Waiting', 'Waiting', 'p', 'failed', 'end');
  const watch = fc.record({
    do: fc.constant('watch' as const),
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    priority: fc.constantFrom(0, 0, 1),
    at: fc.record({ hears, act: inside }),
  });
  const others = ['unwatch', 'progress', 'complete', 'fail', 'inactive', 'cleaned up'] as const;
  return fc.oneof(
    { weight: 5, arbitrary: watch },
    { weight: 5, arbitrary: fc.record({ do: fc.constantFrom(...others), one }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('limit' as const), limit: fc.nat({ max: 3 }) }),
    },
  );
}

describe('jobs of whenStarted and equal ones written by hand', () => {
  const seed = Number(process.env['RXFER_SEED'] ?? Date.now() % 2 ** 31);

  it(`can't be told apart in 1,000 random histories (RXFER_SEED=${seed})`, () => {
    const nested = actions(fc.option(actions(fc.constant(undefined)), { nil: undefined }));
    fc.assert(
      fc.property(fc.nat({ max: 3 }), fc.array(nested, { maxLength: 40 }), (limit, steps) => {
        const [first, second] = [new History(limit, idle), new History(limit, byHand)];
        for (const history of [first, second]) {
          for (const step of steps) {
            history.run(step);
            history.look();
          }
        }
        expect(first.log).toEqual(second.log);
      }),
      { numRuns: 1000, seed },
    );
  });
});
