import { ignoreElements, map, merge, NEVER, Observable, ReplaySubject, tap } from 'rxjs';
import {
  TransferManager,
  whenStarted,
  type LiveTransfer,
  type TransferContext,
  type TransferEvent,
  type TransferManagerState,
} from '../../src/transfer/index.js';
import { Broadcast, Listener } from '../../src/transfer/broadcast.js';
import { ClaimFor, Line } from '../../src/transfer/line.js';
import { events, marbles } from '../support/marbles.js';

type Event = TransferEvent<string>;

/** What comes out of a line that is entered by groups with numbers; h is a higher priority. */
function order(entered: string): string {
  const line = new Line<string>();
  for (const name of entered.split(' ')) {
    const group = name.slice(0, 1);
    line.enter(new ClaimFor(name, group === 'h' ? 1 : 0, group));
  }
  const left: string[] = [];
  for (let claim = line.next(); claim; claim = line.next()) left.push(claim.holder);
  return left.join(' ');
}

describe('the diagrams of sharing', () => {
  it('Broadcast', () => {
    marbles(({ cold, expectObservable }) => {
      const broadcast = new Broadcast<Event>();
      const heard$ = new Observable<Event>((subscriber) => {
        const listener = new Listener(subscriber);
        broadcast.add(listener);
        return () => broadcast.remove(listener);
      });
      expectObservable(heard$).toBe('               --p-q---r-|', events);
      const told$ = cold<Event>('                    --p-q---r-|', events);
      expectObservable(told$.pipe(tap(broadcast), ignoreElements())).toBe('----------|');
      expectObservable(heard$, '-----^---!').toBe('  -----q--r', events);
    });
  });

  it('TransferManager.transfer: a second watcher', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const manager = new TransferManager<string>();
      const job = cold('                                     --p-q---(r|)', events);
      const transfer$ = manager.transfer('key', () => job);
      expectObservable(transfer$, '^------!').toBe('         --p-q--', events);
      expectObservable(transfer$, '-----^').toBe('           -----q--(r|)', events);
      expectSubscriptions(job.subscriptions).toBe('          ^-------!');
    });
  });

  it('Transfer: a late watcher that leaves', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const manager = new TransferManager<string>();
      const job = cold('                               --p-q---r-s|', events);
      const transfer$ = manager.transfer('key', () => job);
      expectObservable(transfer$).toBe('               --p-q---r-s|', events);
      expectObservable(transfer$, '-----^---!').toBe(' -----q--r', events);
      expectSubscriptions(job.subscriptions).toBe('    ^----------!');
    });
  });

  it('Transfer: an end reaches all and frees the key', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>();
      const jobs = [cold('-p--#', events), cold('-q-(s|)', events)];
      const transfer$ = manager.transfer('key', () => jobs.shift() ?? NEVER);
      expectObservable(transfer$).toBe('           -p--#', events);
      expectObservable(transfer$, '--^').toBe('    --p-#', events);
      expectObservable(transfer$, '------^').toBe('-------q-(s|)', events);
    });
  });

  it('TransferManager.transfer: the key is free after its end', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>();
      const jobs = [cold('-p-(r|)', events), cold('-q-(s|)', events)];
      const transfer$ = manager.transfer('key', () => jobs.shift() ?? NEVER);
      expectObservable(transfer$).toBe('           -p-(r|)', events);
      expectObservable(transfer$, '------^').toBe('-------q-(s|)', events);
    });
  });

  it('TransferManager.transfer, cleanup: the same key while the teardown goes on', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const teardown = cold('                                ----|');
      const second = cold('                                      -q-(r|)', events);
      const jobs = [
        (context: TransferContext): Observable<Event> => {
          context.cleanup(teardown);
          return NEVER;
        },
        () => second,
      ];
      const manager = new TransferManager<string>();
      const transfer$ = manager.transfer('key', (context) => jobs.shift()!(context));
      expectObservable(transfer$, '^--!').toBe('          ---');
      expectSubscriptions(teardown.subscriptions).toBe('  ---^---!');
      expectObservable(transfer$, '----^').toBe('         --------q-(r|)', events);
      expectSubscriptions(second.subscriptions).toBe('    -------^--!');
    });
  });

  it('TransferJob: one that lives on after its result', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const job = cold('                                -p-r------', events);
      const transfer$ = new TransferManager<string>().transfer('key', () => job);
      expectObservable(transfer$, '^------!').toBe('    -p-r', events);
      expectObservable(transfer$, '-----^---!').toBe('  -----r', events);
      expectSubscriptions(job.subscriptions).toBe('     ^--------!');
    });
  });
});

describe('the diagrams of slots', () => {
  it('Slots: a limit of 2', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(2);
      const transfer = (key: string, job: string) =>
        manager.transfer(
          key,
          whenStarted(() => cold(job, events)),
        );
      expectObservable(transfer('a', 'p-----(r|)')).toBe('   p-----(r|)', events);
      expectObservable(transfer('b', 'p--------(r|)')).toBe('p--------(r|)', events);
      expectObservable(transfer('c', 'p-----(r|)')).toBe('   w-----p-----(r|)', events);
      expectObservable(transfer('d', 'p----(r|)')).toBe('    w--------p----(r|)', events);
    });
  });

  it('Slots: a limit raised and lowered', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const job = whenStarted(() => cold('p-------(r|)', events));
      const limit$ = cold('                              --3---1').pipe(
        tap((limit) => manager.setConcurrency(Number(limit))),
      );
      expectObservable(limit$).toBe('                    --3---1');
      expectObservable(manager.transfer('a', job)).toBe('p-------(r|)', events);
      expectObservable(manager.transfer('b', job)).toBe('w-p-------(r|)', events);
      expectObservable(manager.transfer('c', job)).toBe('w-p-------(r|)', events);
      expectObservable(manager.transfer('d', job)).toBe('w---------p-------(r|)', events);
    });
  });

  it('Slots.leave: cancelled while it waits', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const job = whenStarted(() => cold('p--(r|)', events));
      expectObservable(manager.transfer('a', job)).toBe('       p--(r|)', events);
      expectObservable(manager.transfer('b', job), '^-!').toBe('w-', events);
      expectObservable(manager.transfer('c', job)).toBe('       w--p--(r|)', events);
    });
  });

  it('Line', () => {
    expect(order('a1 a2 a3 b1 h b2')).toBe('h a1 b1 a2 b2 a3');
  });

  it('Place: claims that come and go', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const job = whenStarted(() => cold('p--(r|)', events));
      const higher = (key: string) => manager.transfer(key, job, { priority: 1 });
      expectObservable(manager.transfer('a', job)).toBe('p--(r|)', events);
      expectObservable(manager.transfer('b', job)).toBe('w-----p--(r|)', events);
      expectObservable(manager.transfer('c', job)).toBe('w--p--(r|)', events);
      expectObservable(manager.transfer('d', job)).toBe('w--------p--(r|)', events);
      expectObservable(manager.transfer('e', job)).toBe('w-----------p--(r|)', events);
      expectObservable(higher('c'), '--^').toBe('        --wp--(r|)', events);
      expectObservable(higher('e'), '-^!').toBe('        -w', events);
    });
  });

  it('TransferManager.transfer: priorities', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const job = whenStarted(() => cold('p--(r|)', events));
      const asks = (key: string, priority: number) => manager.transfer(key, job, { priority });
      expectObservable(asks('a', 0)).toBe('p--(r|)', events);
      expectObservable(asks('b', 0)).toBe('w--------p--(r|)', events);
      expectObservable(asks('c', 1)).toBe('w-----p--(r|)', events);
      expectObservable(asks('d', 2)).toBe('w--p--(r|)', events);
    });
  });

  it('TransferContext.inactive', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const first = whenStarted((context) =>
        cold('p--q----(r|)', events).pipe(
          tap((event) => event === events['q'] && context.inactive()),
        ),
      );
      const second = whenStarted(() => cold('p--(s|)', events));
      expectObservable(manager.transfer('a', first)).toBe('  p--q----(r|)', events);
      expectObservable(manager.transfer('b', second)).toBe(' w--p--(s|)', events);
    });
  });

  it('TransferJob: one that waits for its slot', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const start$ = new ReplaySubject<void>(1);
      const run = whenStarted(() => cold('d-d-(r|)', events));
      const job = (context: TransferContext): Observable<Event> =>
        merge(run(context), context.start$.pipe(tap(start$), ignoreElements()));
      const holder$ = manager.transfer('a', () => NEVER);
      expectObservable(holder$, '^----!').toBe('         -');
      expectObservable(start$).toBe('                    -----(s|)', { s: undefined });
      expectObservable(manager.transfer('b', job)).toBe('w----d-d-(r|)', events);
    });
  });

  it('whenStarted', () => {
    marbles(({ cold, expectObservable }) => {
      const job = whenStarted(() => cold('    d-d-(r|)', events));
      const context: TransferContext = {
        start$: cold('                    ----(s|)', { s: undefined }),
        started: false,
        signal: new AbortController().signal,
        inactive: () => {},
        cleanup: () => {},
      };
      expectObservable(job(context)).toBe('w---d-d-(r|)', events);
    });
  });

  it('whenStarted: a phase in any case', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const transfer = (key: string, run: string) =>
        manager.transfer(
          key,
          whenStarted(() => cold(run, events), { first: 'f' }),
        );
      expectObservable(transfer('a', 'd----d-(r|)')).toBe('(fd)-d-(r|)', events);
      expectObservable(transfer('b', 'd----d-(s|)')).toBe('(fw)---d----d-(s|)', events);
    });
  });
});

describe('the diagrams of what a manager tells', () => {
  it('TransferManager.state$', () => {
    const state = (active: number, waiting: number): TransferManagerState => ({
      active,
      waiting,
      limit: 1,
    });
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const job = whenStarted(() => cold('p---(r|)', events));
      expectObservable(manager.state$).toBe('s-t-u-t---s', {
        s: state(0, 0),
        t: state(1, 0),
        u: state(1, 1),
      });
      expectObservable(manager.transfer('a', job), '--^').toBe('  --p---(r|)', events);
      expectObservable(manager.transfer('b', job), '----^').toBe('----w-p---(r|)', events);
    });
  });

  it('TransferManager.transfers$', () => {
    const keys = (list: readonly LiveTransfer[]): string => list.map(({ key }) => key).join();
    marbles(({ cold, expectObservable }, scheduler) => {
      const manager = new TransferManager<string>(1, { scheduler });
      const job = whenStarted(() => cold('p 149ms (r|)', events));
      expectObservable(manager.transfer('a', job), '-^').toBe('-p 149ms (r|)', events);
      expectObservable(manager.transfer('b', job), '-^ 49ms !').toBe('-w', events);
      expectObservable(manager.transfers$.pipe(map(keys)), '^ 299ms !').toBe('s 99ms t 99ms u', {
        s: '',
        t: 'a',
        u: '',
      });
    });
  });
});
