import { NEVER, of, Subject, tap, type Observable } from 'rxjs';
import {
  InvalidConcurrencyError,
  progressEvent,
  resultEvent,
  TransferManager,
  whenStarted,
  type TransferContext,
  type TransferEvent,
} from '../../src/transfer/index.js';
import { events, marbles } from '../support/marbles.js';

describe('no more than the limit hold a slot', () => {
  it('starts the waiting first come, first served', () => {
    marbles(({ cold, expectObservable }) => {
      const job = whenStarted(() => cold('p--(r|)', events));
      const manager = new TransferManager<string>(2);
      //                                                    limit 2, each runs 3
      expectObservable(manager.transfer('a', job)).toBe('   p--(r|)', events);
      expectObservable(manager.transfer('b', job)).toBe('   p--(r|)', events);
      expectObservable(manager.transfer('c', job)).toBe('   w--p--(r|)', events);
      expectObservable(manager.transfer('d', job)).toBe('   w--p--(r|)', events);
      expectObservable(manager.transfer('e', job)).toBe('   w-----p--(r|)', events);
    });
  });

  it('takes 0 as no limit', () => {
    marbles(({ cold, expectObservable }) => {
      const job = whenStarted(() => cold('p--(r|)', events));
      const manager = new TransferManager<string>(0);
      for (const key of 'abcdefgh') {
        expectObservable(manager.transfer(key, job)).toBe('p--(r|)', events);
      }
    });
  });

  it('gives the slot on when its holder fails', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const fails = whenStarted(() => cold('p--#', events));
      const runs = whenStarted(() => cold('q-(r|)', events));
      expectObservable(manager.transfer('a', fails)).toBe('p--#', events);
      expectObservable(manager.transfer('b', runs)).toBe(' w--q-(r|)', events);
    });
  });

  it('gives the slot on when its holder is cancelled', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const job = whenStarted(() => cold('p-----(r|)', events));
      expectObservable(manager.transfer('a', job), '^--!').toBe('p--', events);
      expectObservable(manager.transfer('b', job)).toBe('        w--p-----(r|)', events);
    });
  });

  it('lets a waiting transfer leave the line at once', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const job = whenStarted(() => cold('p--(r|)', events));
      expectObservable(manager.transfer('a', job)).toBe('        p--(r|)', events);
      expectObservable(manager.transfer('b', job), '^-!').toBe(' w-', events);
      expectObservable(manager.transfer('c', job)).toBe('        w--p--(r|)', events);
    });
  });

  it('keeps a joined transfer in the place of its first watcher', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const job = whenStarted(() => cold('p--(r|)', events));
      expectObservable(manager.transfer('a', job)).toBe('        p--(r|)', events);
      expectObservable(manager.transfer('b', job), '^-!').toBe(' w-', events);
      expectObservable(manager.transfer('c', job)).toBe('        w-----p--(r|)', events);
      expectObservable(manager.transfer('b', job)).toBe('        w--p--(r|)', events);
    });
  });

  it('refuses a limit that is no whole number from 0 up', () => {
    for (const limit of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => new TransferManager(limit)).toThrow(InvalidConcurrencyError);
      expect(() => new TransferManager(1).setConcurrency(limit)).toThrow(InvalidConcurrencyError);
    }
  });
});

describe('a job that calls inactive', () => {
  const inactiveAt =
    (source$: Observable<TransferEvent<string>>, phase: string) => (context: TransferContext) =>
      source$.pipe(
        tap((event) => {
          if (event.kind === 'progress' && event.progress.phase === phase) context.inactive();
        }),
      );

  it('lets the next start and goes on without a slot', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const first = whenStarted(inactiveAt(cold('p--q----(r|)', events), 'q'));
      const second = whenStarted(() => cold('p--(s|)', events));
      expectObservable(manager.transfer('a', first)).toBe('  p--q----(r|)', events);
      expectObservable(manager.transfer('b', second)).toBe(' w--p--(s|)', events);
    });
  });

  it('does not free a second slot by calling it again', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const first = whenStarted(inactiveAt(cold('-q-q-q-(r|)', events), 'q'));
      const others = whenStarted(() => cold('p-----(s|)', events));
      expectObservable(manager.transfer('a', first)).toBe('-q-q-q-(r|)', events);
      expectObservable(manager.transfer('b', others)).toBe('wp-----(s|)', events);
      expectObservable(manager.transfer('c', others)).toBe('w------p-----(s|)', events);
    });
  });

  it('gives up its place in line when it still waits', () => {
    const manager = new TransferManager<string>(1);
    const started: string[] = [];
    const job = (name: string) => (context: TransferContext) => {
      context.start$.subscribe(() => started.push(name));
      if (name === 'b') context.inactive();
      return NEVER;
    };
    const holder = manager.transfer('a', job('a')).subscribe();
    manager.transfer('b', job('b')).subscribe();
    manager.transfer('c', job('c')).subscribe();
    holder.unsubscribe();
    expect(started).toEqual(['a', 'c']);
  });
});

describe('setConcurrency', () => {
  it('raised, starts the waiting at once; lowered, starts nothing until fewer than it run', () => {
    marbles(({ cold, hot, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const job = whenStarted(() => cold('p-------(r|)', events));
      const limits = hot('                --3---1', { 1: 1, 3: 3 });
      expectObservable(limits.pipe(tap((limit) => manager.setConcurrency(limit)))).toBe('--3---1', {
        1: 1,
        3: 3,
      });
      expectObservable(manager.transfer('a', job)).toBe('p-------(r|)', events);
      expectObservable(manager.transfer('b', job)).toBe('w-p-------(r|)', events);
      expectObservable(manager.transfer('c', job)).toBe('w-p-------(r|)', events);
      //                 d may start only when a, b and c are through: the limit is 1 by then
      expectObservable(manager.transfer('d', job)).toBe('w---------p-------(r|)', events);
    });
  });

  it('holds whatever order the still-running end in', () => {
    const manager = new TransferManager<string>(4);
    const jobs = new Map<string, Subject<TransferEvent<string>>>();
    const started: string[] = [];
    const begin = (key: string): void => {
      manager
        .transfer(
          key,
          whenStarted(() => {
            started.push(key);
            const job$ = new Subject<TransferEvent<string>>();
            jobs.set(key, job$);
            return job$;
          }),
        )
        .subscribe();
    };
    for (const key of 'abcdefg') begin(key);
    manager.setConcurrency(2);
    jobs.get('d')?.complete();
    jobs.get('b')?.complete();
    expect(started.join('')).toBe('abcd');
    jobs.get('a')?.complete();
    expect(started.join('')).toBe('abcde');
    jobs.get('c')?.complete();
    expect(started.join('')).toBe('abcdef');
    manager.setConcurrency(0);
    expect(started.join('')).toBe('abcdefg');
  });

  it('may be called from a job that starts, and from a watcher', () => {
    const manager = new TransferManager<string>(2);
    const started: string[] = [];
    const job = (key: string) =>
      whenStarted(() => {
        started.push(key);
        if (key === 'c') manager.setConcurrency(1);
        return key === 'c' ? of(resultEvent(key)) : NEVER;
      });
    const a = manager.transfer('a', job('a')).subscribe();
    const b = manager.transfer('b', job('b')).subscribe();
    for (const key of 'cde') manager.transfer(key, job(key)).subscribe();
    b.unsubscribe();
    // c started in b's place, lowered the limit to 1 and was through; a still holds the one slot.
    expect(started.join('')).toBe('abc');
    a.unsubscribe();
    expect(started.join('')).toBe('abcd');
  });

  it('switched to and fro by a starting job keeps the limit', () => {
    const manager = new TransferManager<string>(1);
    const started: string[] = [];
    const job = (key: string) =>
      whenStarted(() => {
        started.push(key);
        if (key !== 'b') return NEVER;
        manager.setConcurrency(5);
        manager.setConcurrency(1);
        return of(resultEvent(key));
      });
    const a = manager.transfer('a', job('a')).subscribe();
    for (const key of 'bcdefghi') manager.transfer(key, job(key)).subscribe();
    a.unsubscribe();
    // While the limit was 5, b and four more started.
    expect(started.join('')).toBe('abcdef');
  });
});

describe('state$', () => {
  it('publishes active, waiting and the limit, and each change', () => {
    const manager = new TransferManager<string>(1);
    const seen: string[] = [];
    const state = manager.state$.subscribe(({ active, waiting, limit }) =>
      seen.push(`${active}/${waiting}/${limit}`),
    );
    const a = manager.transfer('a', () => NEVER).subscribe();
    const b = manager.transfer('b', () => NEVER).subscribe();
    manager.setConcurrency(2);
    a.unsubscribe();
    b.unsubscribe();
    state.unsubscribe();
    expect(seen).toEqual(['0/0/1', '1/0/1', '1/1/1', '2/0/2', '1/0/2', '0/0/2']);
  });
});

describe('many transfers', () => {
  it('that end as soon as they start pass in one go, however many wait', () => {
    const manager = new TransferManager<number>(1);
    const gate$ = new Subject<TransferEvent<number>>();
    manager.transfer('gate', () => gate$).subscribe();
    let results = 0;
    for (let index = 0; index < 50_000; index++) {
      const job = whenStarted(() => of(progressEvent('p'), resultEvent(index)));
      manager.transfer(String(index), job).subscribe((event) => {
        if (event.kind === 'result') results++;
      });
    }
    gate$.complete();
    expect(results).toBe(50_000);
  });

  it('start within one call when the limit is lifted', () => {
    const manager = new TransferManager<number>(1);
    let started = 0;
    const job = whenStarted<number>(() => {
      started++;
      return NEVER;
    });
    for (let index = 0; index < 20_000; index++) manager.transfer(String(index), job).subscribe();
    manager.setConcurrency(0);
    expect(started).toBe(20_000);
  });
});
