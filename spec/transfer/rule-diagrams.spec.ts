import {
  concat,
  concatMap,
  config,
  defer,
  from,
  ignoreElements,
  mergeMap,
  Observable,
  of,
  Subject,
  tap,
  timer,
  type Subscription,
} from 'rxjs';
import {
  progressEvent,
  retryTransfer,
  TransferManager,
  whenStarted,
  type TransferContext,
  type TransferEvent,
} from '../../src/transfer/index.js';
import { Broadcast, Listener } from '../../src/transfer/broadcast.js';
import { events, marbles } from '../support/marbles.js';

type Event = TransferEvent<string>;

function listening(broadcast: Broadcast<Event>): Observable<Event> {
  return new Observable((subscriber) => {
    const listener = new Listener(subscriber);
    broadcast.add(listener);
    return () => broadcast.remove(listener);
  });
}

/** Collects what is thrown in handlers, which RxJS would throw again in a turn of its own. */
function unhandledIn(test: () => void): unknown[] {
  const unhandled: unknown[] = [];
  config.onUnhandledError = (error) => unhandled.push(error);
  try {
    test();
  } finally {
    config.onUnhandledError = null;
  }
  return unhandled;
}

describe('the diagrams of watching', () => {
  it('TransferManager.transfer: cold until watched', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const job = cold('                                    -p-(r|)', events);
      let calls = 0;
      const transfer$ = new TransferManager<string>().transfer('a', () => (calls++, job));
      expect(calls).toBe(0);
      expectObservable(transfer$, '---^').toBe('         ----p-(r|)', events);
      expectSubscriptions(job.subscriptions).toBe('      ---^--!');
    });
  });

  it('TransferManager.transfer: cancelled by the last watcher', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const manager = new TransferManager<string>(1);
      const running = cold('                               ----------', events);
      const signal$ = new Subject<string>();
      const transfer$ = manager.transfer('a', ({ signal }) => {
        signal.addEventListener('abort', () => signal$.next('a'));
        return running;
      });
      expectObservable(signal$).toBe('                     --------a');
      expectObservable(transfer$, '                        ^----!').toBe('---');
      expectObservable(transfer$, '                        --^-----!').toBe('---');
      expectSubscriptions(running.subscriptions).toBe('    ^-------!');
      const third = whenStarted(() => cold('p-(r|)', events));
      expectObservable(manager.transfer('b', third)).toBe('w-------p-(r|)', events);
    });
  });

  it('TransferManager.transfer: a slow watcher', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const job = cold('                       p-q-(r|)', events);
      const transfer$ = new TransferManager<string>().transfer('a', () => job);
      const slow$ = transfer$.pipe(
        concatMap((event) => concat(of(event), timer(5).pipe(ignoreElements()))),
      );
      expectObservable(slow$).toBe('           p----q----r----|', events);
      expectObservable(transfer$).toBe('       p-q-(r|)', events);
      expectSubscriptions(job.subscriptions).toBe('^---!');
    });
  });

  it('Broadcast: a listener that throws', () => {
    const unhandled = unhandledIn(() =>
      marbles(({ cold, expectObservable }) => {
        const broadcast = new Broadcast<Event>();
        const [bad$, good$] = [new Subject<Event>(), new Subject<Event>()];
        const throwing = (): never => {
          throw new Error('a bad handler');
        };
        expectObservable(bad$).toBe('              --p-q-r-|', events);
        expectObservable(good$).toBe('             --p-q-r-|', events);
        const heard$ = listening(broadcast).pipe(tap(bad$));
        heard$.subscribe({ next: throwing, complete: throwing });
        listening(broadcast).subscribe(good$);
        const told$ = cold<Event>('                --p-q-r-|', events);
        expectObservable(told$.pipe(tap(broadcast), ignoreElements())).toBe('--------|');
      }),
    );
    expect(unhandled).toEqual(Array(4).fill(new Error('a bad handler')));
  });

  it('Broadcast: an event from within another', () => {
    marbles(({ cold, expectObservable }) => {
      const broadcast = new Broadcast<Event>();
      const first$ = listening(broadcast).pipe(
        tap((event) => event === events['p'] && broadcast.next(progressEvent('q'))),
      );
      expectObservable(first$).toBe('               --(pq)--|', events);
      expectObservable(listening(broadcast)).toBe(' --(pq)--|', events);
      const told$ = cold<Event>('                   --p-----|', events);
      expectObservable(told$.pipe(tap(broadcast), ignoreElements())).toBe('--------|');
    });
  });
});

describe('the diagrams of handlers', () => {
  it('TransferManager.transfer: subscribing', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const job = whenStarted(() => cold('p--(r|)', events));
      const jobs = [whenStarted(() => cold('p--#', events)), job];
      const a$ = manager.transfer('a', job);
      const b$ = manager.transfer('b', (context) => jobs.shift()!(context));
      const [c$, newA$, newB$] = [new Subject<Event>(), new Subject<Event>(), new Subject<Event>()];
      const watchedA$ = a$.pipe(
        tap({
          next: (event) => event === events['p'] && manager.transfer('c', job).subscribe(c$),
          complete: () => a$.subscribe(newA$),
        }),
      );
      const watchedB$ = b$.pipe(tap({ error: () => b$.subscribe(newB$) }));
      expectObservable(watchedA$).toBe('p--(r|)', events);
      expectObservable(watchedB$).toBe('w--p--#', events);
      expectObservable(c$).toBe('       w-----p--(r|)', events);
      expectObservable(newA$).toBe('    ---w-----p--(r|)', events);
      expectObservable(newB$).toBe('    ------w-----p--(r|)', events);
    });
  });

  it('TransferManager.transfer: unsubscribing', () => {
    marbles(({ cold, expectObservable }) => {
      const job = cold('               -p-q-r-(s|)', events);
      const transfer$ = new TransferManager<string>().transfer('a', () => job);
      const watching: Subscription[] = [];
      const heard = [1, 2, 3, 4].map(() => new Subject<Event>());
      expectObservable(heard[0]!).toBe('-p-q-r-(s|)', events);
      expectObservable(heard[1]!).toBe('-p-', events);
      expectObservable(heard[2]!).toBe('-p-q-r-s', events);
      expectObservable(heard[3]!).toBe('-p-q-r', events);
      const leave = (one: number): void => watching[one]?.unsubscribe();
      const handlers = [
        tap<Event>({
          next: (event) => event === events['q'] && leave(1),
          complete: () => leave(2),
        }),
        tap<Event>(),
        tap<Event>(),
        tap<Event>((event) => {
          heard[3]!.next(event);
          if (event === events['r']) leave(3);
        }),
      ];
      handlers.forEach((handler, one) => {
        const watched$ = transfer$.pipe(handler);
        watching.push(one === 3 ? watched$.subscribe() : watched$.subscribe(heard[one]));
      });
    });
  });

  it('TransferManager.transfer: changing the limit', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const limit$ = new Subject<string>();
      const limit = (to: number) => (): void => {
        limit$.next(String(to));
        manager.setConcurrency(to);
      };
      const job = whenStarted(() => cold('p---(r|)', events));
      const a$ = manager
        .transfer(
          'a',
          whenStarted(() => cold('p-q-#', events)),
        )
        .pipe(tap({ next: (event) => event === events['q'] && limit(2)(), error: limit(3) }));
      const b$ = manager.transfer('b', job).pipe(tap({ complete: limit(1) }));
      expectObservable(limit$).toBe('                    --2-3-1');
      expectObservable(a$).toBe('                        p-q-#', events);
      expectObservable(b$).toBe('                        w-p---(r|)', events);
      expectObservable(manager.transfer('c', job)).toBe('w---p---(r|)', events);
      expectObservable(manager.transfer('d', job)).toBe('w---p---(r|)', events);
      expectObservable(manager.transfer('e', job)).toBe('w-------p---(r|)', events);
    });
  });
});

describe('the diagrams of slots and turns', () => {
  it('TransferManager.setConcurrency: no limit', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const job = whenStarted(() => cold('p-------(r|)', events));
      const limit$ = cold('                              --0-----2').pipe(
        tap((limit) => manager.setConcurrency(Number(limit))),
      );
      expectObservable(limit$).toBe('                    --0-----2');
      expectObservable(manager.transfer('a', job)).toBe('p-------(r|)', events);
      expectObservable(manager.transfer('b', job)).toBe('w-p-------(r|)', events);
      expectObservable(manager.transfer('c', job)).toBe('w-p-------(r|)', events);
      const [d$, e$] = [manager.transfer('d', job), manager.transfer('e', job)];
      expectObservable(d$, '----^').toBe('               ----p-------(r|)', events);
      expectObservable(e$, '---------^').toBe('          ---------wp-------(r|)', events);
    });
  });

  it('Slots: the ends of an occupancy', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const transfer = (key: string, run: string) =>
        manager.transfer(
          key,
          whenStarted(() => cold(run, events)),
        );
      const first = whenStarted((context: TransferContext) =>
        cold('                                        p-q-------(r|)', events).pipe(
          tap((event) => event === events['q'] && context.inactive()),
        ),
      );
      expectObservable(manager.transfer('a', first)).toBe('p-q-------(r|)', events);
      expectObservable(transfer('b', 'p-(r|)')).toBe('w-p-(r|)', events);
      expectObservable(transfer('c', 'p-#')).toBe('w---p-#', events);
      expectObservable(transfer('d', 'p-----'), '^-------!').toBe('w-----p-', events);
      expectObservable(transfer('e', 'p-(r|)')).toBe('w-------p-(r|)', events);
    });
  });

  it('Slots: whatever waits', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const job = whenStarted(() => cold('p--(r|)', events));
      const keys = Array.from({ length: 100_000 }, (_, key) => String(key));
      const others$ = from(keys).pipe(mergeMap((key) => manager.transfer(key, job)));
      expectObservable(manager.transfer('a', job)).toBe('       p--(r|)', events);
      expectObservable(others$.pipe(ignoreElements()), '^-!').toBe('-');
      expectObservable(manager.transfer('b', job)).toBe('       w--p--(r|)', events);
    });
  });
});

describe('the diagrams of retries', () => {
  const seconds = {
    ...events,
    1: progressEvent('Retrying', { retryIn: 1 }),
    2: progressEvent('Retrying', { retryIn: 2 }),
  };

  it('retryTransfer: gives up', () => {
    marbles(({ cold, expectObservable }) => {
      const attempt$ = defer(() => cold<Event>('--#'));
      const delay = (failures: number): number => (3 - failures) * 1000;
      const retried$ = attempt$.pipe(retryTransfer({ maxAttempts: 3, delay }));
      expectObservable(retried$).toBe('--2 999ms 1 999ms --1 999ms --#', seconds);
    });
  });

  it('retryTransfer: cancelled while it waits', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const attempt = cold<Event>('            --#');
      const manager = new TransferManager<string>(1);
      const job = whenStarted<string>(() => attempt.pipe(retryTransfer({ delay: () => 2000 })));
      const transfer$ = manager.transfer('a', job);
      expectObservable(transfer$, '^ 1002ms !').toBe('--2 999ms 1', seconds);
      expectSubscriptions(attempt.subscriptions).toBe('^-!');
    });
  });
});
