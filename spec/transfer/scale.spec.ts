import { getEventListeners, setMaxListeners } from 'node:events';
import { getActiveResourcesInfo } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  concat,
  NEVER,
  of,
  Subject,
  take,
  throwError,
  type Observable,
  type Subscription,
} from 'rxjs';
import {
  progressEvent,
  resultEvent,
  TransferManager,
  untilAborted,
  whenStarted,
  type TransferContext,
  type TransferEvent,
} from '../../src/transfer/index.js';

type Event = TransferEvent<number>;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapUsed(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

/** Shuffles in place, the same way each time. */
function shuffle<V>(values: V[]): V[] {
  let random = 1;
  for (let index = values.length - 1; index > 0; index--) {
    random = (random * 48_271) % 2_147_483_647;
    const other = random % (index + 1);
    [values[index], values[other]] = [values[other]!, values[index]!];
  }
  return values;
}

describe('at scale', () => {
  it('schedules, runs and finishes 100,000 transfers with 8 slots', () => {
    const manager = new TransferManager<number>(8);
    const running: Subject<Event>[] = [];
    const job = whenStarted<number>(() => {
      const job$ = new Subject<Event>();
      running.push(job$);
      return job$;
    });
    let completed = 0;
    for (let key = 0; key < 100_000; key++) {
      manager.transfer(String(key), job).subscribe({ complete: () => completed++ });
    }
    let most = 0;
    for (let next = 0; next < running.length; next++) {
      most = Math.max(most, running.length - next);
      running[next]?.next(resultEvent(1));
      running[next]?.complete();
    }
    expect([most, completed]).toEqual([8, 100_000]);
  }, 120_000);

  it('queues 100,000 and cancels them all in random order', () => {
    const manager = new TransferManager<number>(1);
    let started = 0;
    const job = whenStarted<number>(() => (started++, NEVER));
    const holder = manager.transfer('holder', job).subscribe();
    const watched: Subscription[] = [];
    for (let key = 0; key < 100_000; key++) {
      const options = { priority: key % 5, group: key % 7 };
      watched.push(manager.transfer(String(key), job, options).subscribe());
    }
    for (const one of shuffle(watched)) one.unsubscribe();
    holder.unsubscribe();
    expect(started).toBe(1);
    let left: unknown;
    manager.state$.subscribe((state) => (left = state)).unsubscribe();
    expect(left).toEqual({ active: 0, waiting: 0, limit: 1 });
  }, 120_000);

  it('tells 10,000 watchers of one transfer, who leave in random order', () => {
    const manager = new TransferManager<number>(1);
    const job$ = new Subject<Event>();
    const transfer$ = manager.transfer('a', () => job$);
    let heard = 0;
    const watched = Array.from({ length: 10_000 }, () => transfer$.subscribe(() => heard++));
    job$.next(progressEvent('p'));
    expect(heard).toBe(10_000);
    for (const one of shuffle(watched).slice(1)) one.unsubscribe();
    job$.next(progressEvent('q'));
    expect(heard).toBe(10_001);
    watched[0]?.unsubscribe();
    expect(job$.observed).toBe(false);
  }, 120_000);

  it('joins 100,000 to one that waits, each with a group of its own, who leave in random order', () => {
    const manager = new TransferManager<number>(1);
    const job = whenStarted<number>(() => NEVER);
    const holder = manager.transfer('holder', job).subscribe();
    const watched = Array.from({ length: 100_000 }, (_, key) =>
      manager.transfer('a', job, { priority: key % 2, group: { of: key } }).subscribe(),
    );
    for (const one of shuffle(watched)) one.unsubscribe();
    holder.unsubscribe();
    let left: unknown;
    manager.state$.subscribe((state) => (left = state)).unsubscribe();
    expect(left).toEqual({ active: 0, waiting: 0, limit: 1 });
  }, 60_000);
});

describe('a key that is asked for and left 50,000 times while a teardown goes on', () => {
  it('keeps nothing of them, and is free after it', () => {
    const manager = new TransferManager<number>(1);
    const closed$ = new Subject<never>();
    const closing = (context: TransferContext): Observable<Event> => {
      context.cleanup(closed$);
      return NEVER;
    };
    const keys: string[][] = [];
    const look = (): void => {
      manager.transfers$.pipe(take(1)).subscribe((list) => keys.push(list.map(({ key }) => key)));
    };
    manager.transfer('a', closing).subscribe().unsubscribe();
    for (let time = 0; time < 50_000; time++) {
      manager
        .transfer('a', () => NEVER)
        .subscribe()
        .unsubscribe();
    }
    look();
    const results: unknown[] = [];
    manager.transfer('a', () => of(resultEvent(1))).subscribe((event) => results.push(event));
    closed$.complete();
    look();
    expect(keys).toEqual([['a'], []]);
    expect(results).toEqual([resultEvent(1)]);
  });
});

describe('10,000 transfers of mixed fate', () => {
  const requests = Array.from({ length: 100 }, () => new AbortController().signal);
  setMaxListeners(0, ...requests);
  const shared$ = new Subject<Event>();
  /** The signals of jobs, while a spec collects them. */
  let signals: AbortSignal[] | undefined;
  let most = { listeners: 0, observers: 0 };

  /** Listens to its signal as HTTP requests do, and leaves it with the job. */
  const listening = ({ signal }: TransferContext): Observable<Event> => {
    signals?.push(signal);
    return shared$.pipe(untilAborted(signal));
  };

  const fates = [
    whenStarted<number>(() => of(progressEvent('p'), resultEvent(1))),
    whenStarted<number>(() => throwError(() => new Error('failed'))),
    whenStarted<number>(() => concat(of(progressEvent('p')), NEVER)),
    whenStarted<number>((context) => {
      context.inactive();
      context.signal.addEventListener('abort', () => undefined);
      return NEVER;
    }),
    whenStarted<number>((context) => {
      context.cleanup(of(1));
      return NEVER;
    }),
    whenStarted(listening),
    (context: TransferContext): Observable<Event> => {
      context.inactive();
      return listening(context);
    },
  ];

  function round(manager: TransferManager<number>): void {
    const watched: Subscription[] = [];
    for (let key = 0; key < 10_000; key++) {
      const job = fates[key % fates.length]!;
      const options = { priority: key % 3, group: { of: key % 11 } };
      for (let watcher = 0; watcher <= key % 2; watcher++) {
        const transfer$ = manager.transfer(String(key), job, options);
        const exit$ = transfer$.pipe(untilAborted(requests[key % requests.length]));
        watched.push(exit$.subscribe({ error: () => undefined }));
      }
    }
    most = { listeners: listenersOf(...requests), observers: observersOf(shared$) };
    for (const one of shuffle(watched)) one.unsubscribe();
  }

  it('leave no growth of the heap and no timers', () => {
    const manager = new TransferManager<number>(8);
    for (let warm = 0; warm < 3; warm++) round(manager);
    const timers = getActiveResourcesInfo().length;
    const before = heapUsed();
    for (let again = 0; again < 5; again++) round(manager);
    // 50,000 transfers more: one that was kept would cost a kilobyte or two each.
    expect(heapUsed() - before).toBeLessThan(3_000_000);
    expect(getActiveResourcesInfo().length).toBe(timers);
  }, 120_000);

  it('leave no listener on a signal and no observer on a source', () => {
    signals = [];
    const manager = new TransferManager<number>(8);
    round(manager);
    // What is counted was there: thousands listened and observed before all left.
    expect(most.listeners).toBeGreaterThan(5000);
    expect(most.observers).toBeGreaterThan(1000);
    expect(signals.length).toBeGreaterThan(1000);
    expect(listenersOf(...requests)).toBe(0);
    expect(observersOf(shared$)).toBe(0);
    expect(listenersOf(...signals)).toBe(0);
    signals = undefined;
  }, 120_000);
});

function listenersOf(...signals: AbortSignal[]): number {
  return signals.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0);
}

/** How many observe a Subject: RxJS tells only whether any does. */
function observersOf(subject$: Subject<Event>): number {
  return (subject$ as unknown as { readonly observers: unknown[] }).observers.length;
}
