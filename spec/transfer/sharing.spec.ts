import { defer, finalize, NEVER, of, Subject, switchMap, takeUntil, type Observable } from 'rxjs';
import {
  resultEvent,
  TransferManager,
  whenStarted,
  type TransferContext,
  type TransferEvent,
} from '../../src/transfer/index.js';
import { events, marbles } from '../support/marbles.js';

describe('a transfer is shared', () => {
  it('runs its job once and tells every watcher; a late one gets the latest progress first', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const job = cold('       --p--q---(r|)', events);
      const late = '           ---^         ';
      const sub = '            ^--------!   ';
      const expected = '       --p--q---(r|)';
      const expectedLate = '   ---p-q---(r|)';
      const expectedLater = '  -------q-(r|)';
      const manager = new TransferManager<string>();
      expectObservable(manager.transfer('key', () => job)).toBe(expected, events);
      expectObservable(
        manager.transfer('key', () => NEVER),
        late,
      ).toBe(expectedLate, events);
      expectObservable(
        manager.transfer('key', () => NEVER),
        '-------^',
      ).toBe(expectedLater, events);
      expectSubscriptions(job.subscriptions).toBe(sub);
    });
  });

  it('does nothing before the first watcher', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const job = cold('      p-(r|)', events);
      const watch = '      ---^      ';
      const expected = '   ---p-(r|)';
      let calls = 0;
      const manager = new TransferManager<string>();
      const transfer$ = manager.transfer('key', () => {
        calls++;
        return job;
      });
      expect(calls).toBe(0);
      expectObservable(transfer$, watch).toBe(expected, events);
      expectSubscriptions(job.subscriptions).toBe('---^-!');
    });
  });

  it('goes on when one of two watchers leaves, and is torn down when the last leaves', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const job = cold('        -p--q--p--q--p--', events);
      const leavesFirst = '     ^----!          ';
      const leavesLast = '      ^---------!     ';
      const manager = new TransferManager<string>();
      const transfer$ = manager.transfer('key', () => job);
      expectObservable(transfer$, leavesFirst).toBe('-p--q-', events);
      expectObservable(transfer$, leavesLast).toBe(' -p--q--p-', events);
      expectSubscriptions(job.subscriptions).toBe('  ^---------!');
    });
  });

  it('frees the key when it completes: the same key then begins anew', () => {
    marbles(({ cold, expectObservable }) => {
      const first = cold(' -p-(r|)        ', events);
      const second = cold('      -q-(s|)  ', events);
      const jobs = [first, second];
      const manager = new TransferManager<string>();
      const transfer$ = manager.transfer('key', () => jobs.shift() ?? NEVER);
      expectObservable(transfer$).toBe('          -p-(r|)', events);
      expectObservable(transfer$, '------^').toBe('-------q-(s|)', events);
    });
  });

  it('tells a failure to all watchers and frees the key', () => {
    marbles(({ cold, expectObservable }) => {
      const jobs = [cold('-p--#', events), cold('-q-(s|)', events)];
      const manager = new TransferManager<string>();
      const transfer$ = manager.transfer('key', () => jobs.shift() ?? NEVER);
      expectObservable(transfer$).toBe('           -p--#', events);
      expectObservable(transfer$, '--^').toBe('    --p-#', events);
      expectObservable(transfer$, '------^').toBe('-------q-(s|)', events);
    });
  });

  it('replays the result to whoever joins a transfer that lives on after it', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const job = cold('              -p-r------', events);
      const manager = new TransferManager<string>();
      const transfer$ = manager.transfer('key', () => job);
      expectObservable(transfer$, '   ^------!').toBe('-p-r', events);
      expectObservable(transfer$, '   -----^---!').toBe('-----r', events);
      expectSubscriptions(job.subscriptions).toBe('^--------!');
    });
  });

  it('hands the error of a job that throws to its watcher', () => {
    const manager = new TransferManager<string>();
    const seen: unknown[] = [];
    const transfer$ = manager.transfer('key', () => {
      throw new Error('no job');
    });
    transfer$.subscribe({ error: (error: unknown) => seen.push(error) });
    transfer$.subscribe({ error: (error: unknown) => seen.push(error) });
    expect(seen).toEqual([new Error('no job'), new Error('no job')]);
  });
});

describe('the same key after the last watcher left', () => {
  it('begins anew, and only once the former teardown is over', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const first = cold('    -p--------      ', events);
      const teardown = cold('    ----|        ');
      const second = cold('          -q-(r|)  ', events);
      //                         ^ left here, the teardown takes 4
      const jobs = [
        (context: TransferContext): Observable<TransferEvent<string>> => {
          context.cleanup(teardown);
          return first;
        },
        () => second,
      ];
      const manager = new TransferManager<string>();
      const transfer$ = manager.transfer('key', (context) => jobs.shift()!(context));
      expectObservable(transfer$, '^--!').toBe('   -p', events);
      expectObservable(transfer$, '----^').toBe('  --------q-(r|)', events);
      expectSubscriptions(first.subscriptions).toBe('   ^--!');
      expectSubscriptions(teardown.subscriptions).toBe('---^---!');
      expectSubscriptions(second.subscriptions).toBe('  -------^--!');
    });
  });

  it('waits for the former teardown also when the one in between was cancelled while waiting', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const first = cold('-p----', events);
      const teardown = cold('--------|');
      const third = cold('(r|)', events);
      const jobs = [
        (context: TransferContext): Observable<TransferEvent<string>> => {
          context.cleanup(teardown);
          return first;
        },
        () => third,
      ];
      const manager = new TransferManager<string>();
      const transfer$ = manager.transfer('key', (context) => jobs.shift()!(context));
      expectObservable(transfer$, '^-!').toBe('        -p', events);
      expectObservable(transfer$, '----^-!').toBe('    -', events);
      expectObservable(transfer$, '-------^').toBe('   ----------(r|)', events);
      expectSubscriptions(third.subscriptions).toBe('  ----------(^!)');
    });
  });

  it('finds the key free from within the former teardown', () => {
    const manager = new TransferManager<string>();
    const order: string[] = [];
    const second$ = manager.transfer('key', () => {
      order.push('second starts');
      return of(resultEvent('second'));
    });
    const first$ = manager.transfer('key', () =>
      NEVER.pipe(
        finalize(() => {
          second$.subscribe();
          order.push('first is down');
        }),
      ),
    );
    first$.subscribe().unsubscribe();
    expect(order).toEqual(['first is down', 'second starts']);
  });

  it.each(['is cancelled', 'fails', 'completes'])(
    'passes the slot on once all is down of a job that subscribed to a part as it ran, and %s',
    (fate) => {
      const manager = new TransferManager<string>(1);
      const [part$, end$, order] = [new Subject<void>(), new Subject<void>(), [] as string[]];
      const first$ = defer(() => {
        const down$ = NEVER.pipe(finalize(() => order.push('the part is down')));
        return part$.pipe(
          switchMap(() => down$),
          takeUntil(end$),
        );
      });
      const other$ = defer(() => {
        order.push('another starts');
        return NEVER;
      });
      const first = manager
        .transfer(
          'a',
          whenStarted(() => first$),
        )
        .subscribe({ error: () => undefined });
      manager
        .transfer(
          'b',
          whenStarted(() => other$),
        )
        .subscribe();
      part$.next();
      if (fate === 'is cancelled') first.unsubscribe();
      else if (fate === 'fails') part$.error(new Error('no more'));
      else end$.next();
      expect(order).toEqual(['the part is down', 'another starts']);
    },
  );

  it('waits for what a job asks for as a part of it goes down that came while it ran', () => {
    const manager = new TransferManager<string>();
    const [more$, closed$, order] = [new Subject<void>(), new Subject<never>(), [] as string[]];
    const job = (context: TransferContext): Observable<never> =>
      more$.pipe(switchMap(() => NEVER.pipe(finalize(() => context.cleanup(closed$)))));
    const watching = manager.transfer('key', job).subscribe();
    more$.next();
    watching.unsubscribe();
    manager.transfer('key', () => of(resultEvent('next'))).subscribe(() => order.push('next'));
    expect(order).toEqual([]);
    closed$.complete();
    expect(order).toEqual(['next']);
  });

  it('starts anew from a watcher that subscribes in complete', () => {
    const manager = new TransferManager<number>();
    let runs = 0;
    const transfer$ = manager.transfer('key', () => defer(() => of(resultEvent(++runs))));
    const results: unknown[] = [];
    transfer$.subscribe({
      next: (event) => results.push(event),
      complete: () => transfer$.subscribe((event) => results.push(event)),
    });
    expect(results).toEqual([resultEvent(1), resultEvent(2)]);
  });

  it('does at once what is asked for after the end, and what is asked for by it', () => {
    const manager = new TransferManager<string>();
    const done: string[] = [];
    const work = (name: string): Observable<never> =>
      defer(() => {
        done.push(name);
        throw new Error('counts as its end');
      });
    let late: TransferContext | undefined;
    const job = (context: TransferContext): Observable<never> => {
      late = context;
      return NEVER.pipe(finalize(() => context.cleanup(work('by the teardown'))));
    };
    manager.transfer('key', job).subscribe().unsubscribe();
    expect(done).toEqual(['by the teardown']);
    late?.cleanup(work('late'));
    expect(done).toEqual(['by the teardown', 'late']);
  });

  it('counts an error in the teardown as its end', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>();
      const job = (context: TransferContext): Observable<TransferEvent<string>> => {
        context.cleanup(cold('---#'));
        return cold('p', events);
      };
      expectObservable(manager.transfer('key', job), '^!').toBe('p', events);
      expectObservable(
        manager.transfer('key', () => cold('q', events)),
        '--^',
      ).toBe('----q', events);
    });
  });
});

describe('the signal of a transfer', () => {
  const aborted = (end: (context: TransferContext) => Observable<TransferEvent<string>>) => {
    const manager = new TransferManager<string>();
    let signal: AbortSignal | undefined;
    const watching = manager
      .transfer('key', (context) => {
        signal = context.signal;
        return end(context);
      })
      .subscribe({ error: () => {} });
    const before = signal?.aborted;
    watching.unsubscribe();
    return [before, signal?.aborted];
  };

  it('is aborted when the last watcher leaves', () => {
    expect(aborted(() => NEVER)).toEqual([false, true]);
  });

  it('is aborted when the job fails', () => {
    expect(
      aborted(() =>
        defer(() => {
          throw new Error('failed');
        }),
      ),
    ).toEqual([true, true]);
  });

  it('is not aborted by completion', () => {
    expect(aborted(() => of(resultEvent('done')))).toEqual([false, false]);
  });

  it('is aborted when asked for after the end', () => {
    const manager = new TransferManager<string>();
    let held: TransferContext | undefined;
    manager
      .transfer('key', (context) => {
        held = context;
        return NEVER;
      })
      .subscribe()
      .unsubscribe();
    expect(held?.signal.aborted).toBe(true);
  });
});

describe('a watcher', () => {
  it('that throws harms no other', () => {
    jest.useFakeTimers();
    try {
      const manager = new TransferManager<string>();
      const job$ = new Subject<TransferEvent<string>>();
      const seen: unknown[] = [];
      const transfer$ = manager.transfer('key', () => job$);
      transfer$.subscribe(() => {
        throw new Error('a bad watcher');
      });
      transfer$.subscribe((event) => seen.push(event));
      job$.next(resultEvent('r'));
      expect(seen).toEqual([resultEvent('r')]);
      expect(() => jest.runAllTimers()).toThrow('a bad watcher');
    } finally {
      jest.useRealTimers();
    }
  });
});
