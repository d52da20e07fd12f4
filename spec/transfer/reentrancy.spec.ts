import {
  concat,
  finalize,
  NEVER,
  of,
  Subject,
  Subscription,
  VirtualTimeScheduler,
  type Observable,
} from 'rxjs';
import {
  progressEvent,
  resultEvent,
  TransferManager,
  whenStarted,
  type LiveTransfer,
  type TransferContext,
  type TransferEvent,
} from '../../src/transfer/index.js';

type Event = TransferEvent<string>;

const word = (event: Event): string =>
  event.kind === 'progress' ? event.progress.phase : event.value;

describe('a watcher may, from inside its handlers,', () => {
  it('bring about the next event: all hear events in the order in which they were emitted', () => {
    // job:     --(wp)          p comes from the first one's handler of w
    // first:   --(wp)
    // second:  --(wp)
    const manager = new TransferManager<string>();
    const job$ = new Subject<Event>();
    const transfer$ = manager.transfer('a', () => job$);
    const heard: string[] = [];
    transfer$.subscribe((event) => {
      heard.push(`first ${word(event)}`);
      if (word(event) === 'w') job$.next(progressEvent('p'));
    });
    transfer$.subscribe((event) => heard.push(`second ${word(event)}`));
    job$.next(progressEvent('w'));
    expect(heard).toEqual(['first w', 'second w', 'first p', 'second p']);
  });

  it('free the slot that the transfer itself waits for', () => {
    const manager = new TransferManager<string>(1);
    const holder = manager.transfer('holder', () => NEVER).subscribe();
    const job = whenStarted<string>(() => concat(of(progressEvent('p')), NEVER));
    const heard: string[] = [];
    manager.transfer('a', job).subscribe((event) => {
      heard.push(word(event));
      holder.unsubscribe();
    });
    expect(heard).toEqual(['Waiting', 'p']);
  });

  it('hear of an end only after what was emitted before it', () => {
    const manager = new TransferManager<string>(1);
    const job$ = new Subject<Event>();
    const heard: string[] = [];
    const transfer$ = manager.transfer('a', () => job$);
    transfer$.subscribe(() => job$.complete());
    transfer$.subscribe({
      next: (event) => heard.push(word(event)),
      complete: () => heard.push('complete'),
    });
    job$.next(resultEvent('r'));
    expect(heard).toEqual(['r', 'complete']);
  });

  it('subscribe to the same key: to the same transfer from next, to a new one at the end', () => {
    const manager = new TransferManager<string>(1);
    const jobs = [new Subject<Event>(), new Subject<Event>()];
    let begun = 0;
    const transfer$ = manager.transfer('a', () => jobs[begun++]!);
    const heard: string[] = [];
    transfer$.subscribe({
      next: () => {
        if (heard.length === 0) transfer$.subscribe((event) => heard.push(word(event)));
      },
      complete: () => transfer$.subscribe((event) => heard.push(`new ${word(event)}`)),
    });
    jobs[0]!.next(progressEvent('p'));
    expect(heard).toEqual(['p']);
    expect(begun).toBe(1);
    jobs[0]!.complete();
    expect(begun).toBe(2);
    jobs[1]!.next(progressEvent('q'));
    expect(heard).toEqual(['p', 'new q']);
  });

  it('unsubscribe itself and others', () => {
    const manager = new TransferManager<string>(1);
    const job$ = new Subject<Event>();
    const heard: string[] = [];
    const transfer$ = manager.transfer('a', () => job$);
    const all = new Subscription();
    for (const name of ['first', 'second', 'third']) {
      all.add(
        transfer$.subscribe(() => {
          heard.push(name);
          if (name === 'second') all.unsubscribe();
        }),
      );
    }
    job$.next(progressEvent('p'));
    expect(heard).toEqual(['first', 'second']);
    expect(job$.observed).toBe(false);
  });

  it('unsubscribe while it joins', () => {
    const manager = new TransferManager<string>(1);
    const job$ = new Subject<Event>();
    const transfer$ = manager.transfer('a', () => job$);
    const first = transfer$.subscribe();
    job$.next(progressEvent('p'));
    const heard: string[] = [];
    const joins = new Subscription();
    joins.add(
      transfer$.subscribe((event) => {
        heard.push(word(event));
        first.unsubscribe();
      }),
    );
    expect(job$.observed).toBe(true);
    joins.unsubscribe();
    expect(heard).toEqual(['p']);
    expect(job$.observed).toBe(false);
  });

  it('call setConcurrency from next, error and complete', () => {
    const manager = new TransferManager<string>(1);
    const jobs = new Map<string, Subject<Event>>();
    const started: string[] = [];
    const begin = (key: string): void => {
      const change = (): void => manager.setConcurrency(started.length + 1);
      const job = whenStarted<string>(() => {
        started.push(key);
        const job$ = new Subject<Event>();
        jobs.set(key, job$);
        return job$;
      });
      manager.transfer(key, job).subscribe({
        next: (event) => {
          if (word(event) === 'go') change();
        },
        error: change,
        complete: change,
      });
    };
    for (const key of 'abcdefgh') begin(key);
    expect(started.join('')).toBe('a');
    jobs.get('a')!.next(progressEvent('go'));
    expect(started.join('')).toBe('ab');
    jobs.get('a')!.error(new Error('failed'));
    expect(started.join('')).toBe('abcd');
    jobs.get('b')!.complete();
    expect(started.join('')).toBe('abcdefg');
  });
});

describe('whoever is told by transfers$ that a key is left while its teardown goes on may', () => {
  let scheduler: VirtualTimeScheduler;
  let manager: TransferManager<string>;
  let closed$: Subject<never>;
  let list: readonly LiveTransfer[];
  let told: Subscription;
  let react: () => void;

  const phases = (): string[] => list.map(({ phase }) => phase);
  const closing = (context: TransferContext): Observable<Event> => {
    context.cleanup(closed$);
    return NEVER;
  };

  beforeEach(() => {
    scheduler = new VirtualTimeScheduler();
    manager = new TransferManager<string>(1, { scheduler });
    closed$ = new Subject();
    react = () => undefined;
    told = manager.transfers$.subscribe((now) => {
      list = now;
      react();
    });
    manager.transfer('a', closing).subscribe().unsubscribe();
  });
  afterEach(() => told.unsubscribe());

  /** Lets the next change be told at once, and once. */
  function atNextChange(handler: () => void): void {
    scheduler.flush();
    react = () => {
      react = () => undefined;
      handler();
    };
  }

  it.each([1, 2, 3])('ask for it again, %i deep: its job waits for that teardown', (depth) => {
    const jobs: Subject<Event>[] = [];
    const job = (): Observable<Event> => {
      const job$ = new Subject<Event>();
      jobs.push(job$);
      return job$;
    };
    // Each is cancelled, and while that goes on the next is asked for.
    const askAgain = (left: number): void => {
      const asked = manager.transfer('a', job).subscribe();
      if (left === 0) return;
      atNextChange(() => askAgain(left - 1));
      asked.unsubscribe();
    };
    askAgain(depth);
    scheduler.flush();
    expect([jobs.length, phases()]).toEqual([0, ['blocked', 'closing']]);
    closed$.complete();
    scheduler.flush();
    expect([jobs.length, phases()]).toEqual([1, ['active']]);
    jobs[0]?.complete();
    scheduler.flush();
    expect([jobs.length, phases()]).toEqual([1, []]);
  });

  it('leave it for good in the moment when that is over: the key is free', () => {
    let begun = 0;
    const waiting = manager.transfer('a', () => (begun++, NEVER)).subscribe();
    atNextChange(() => waiting.unsubscribe());
    closed$.complete();
    scheduler.flush();
    expect([begun, phases()]).toEqual([0, []]);
  });
});

describe('a watcher that throws', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it.each(['next', 'error', 'complete', 'its teardown'])('from %s harms no other', (where) => {
    const manager = new TransferManager<string>();
    const job$ = new Subject<Event>();
    const heard: string[] = [];
    const transfer$ = manager.transfer('a', () => job$);
    const bad = (): void => {
      throw new Error(`a bad ${where}`);
    };
    if (where === 'its teardown') transfer$.pipe(finalize(bad)).subscribe({ error: () => {} });
    else transfer$.subscribe({ error: () => {}, [where]: bad });
    transfer$.subscribe({
      next: (event) => heard.push(word(event)),
      error: () => heard.push('error'),
      complete: () => heard.push('complete'),
    });
    job$.next(progressEvent('p'));
    if (where === 'error') job$.error(new Error('failed'));
    else job$.complete();
    expect(heard).toEqual(['p', where === 'error' ? 'error' : 'complete']);
    expect(() => jest.runAllTimers()).toThrow(
      where === 'its teardown' ? /unsub/ : `a bad ${where}`,
    );
    let again = 0;
    manager.transfer('a', () => (again++, NEVER)).subscribe();
    expect(again).toBe(1);
  });
});
