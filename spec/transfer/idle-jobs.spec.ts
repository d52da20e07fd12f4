import {
  concat,
  EMPTY,
  finalize,
  NEVER,
  Observable,
  of,
  skip,
  Subject,
  Subscription,
  switchMap,
  take,
  takeUntil,
  throwError,
} from 'rxjs';
import {
  progressEvent,
  resultEvent,
  TransferManager,
  whenStarted,
  type LiveTransfer,
  type TransferEvent,
  type TransferJob,
} from '../../src/transfer/index.js';

type Event = TransferEvent<string>;

/** What each spec is given: two ways to the same job. */
type MakeJob = (run: TransferJob<string>) => TransferJob<string>;

/** The kernel knows that it does nothing while it waits, and subscribes to nothing. */
const idle: MakeJob = (run) => whenStarted(run);

/** The kernel knows nothing of it, and subscribes to it at once. */
const byHand: MakeJob = (run) => (context) =>
  context.started
    ? run(context)
    : concat(of(progressEvent('Waiting')), context.start$.pipe(switchMap(() => run(context))));

const word = (event: Event): string =>
  event.kind === 'progress' ? event.progress.phase : event.value;

const messageOf = (error: unknown): string => (error as Error).message;

describe.each([
  ['whenStarted', idle],
  ['an equal job written by hand', byHand],
])('a job of %s', (_, makeJob) => {
  let manager: TransferManager<string>;
  let log: string[];
  /** What runs, by key. */
  let running: Map<string, Subject<Event>>;

  beforeEach(() => {
    manager = new TransferManager<string>(1);
    log = [];
    running = new Map();
  });

  const job = (key: string): TransferJob<string> =>
    makeJob((context) => {
      log.push(`${key} runs`);
      const job$ = new Subject<Event>();
      running.set(key, job$);
      context.signal.addEventListener('abort', () => log.push(`${key} aborted`));
      return job$;
    });

  /** Watches, logs what is heard, and does what is asked for at a word. */
  function watch(key: string, at: Record<string, () => void> = {}, as = key): Subscription {
    const watching = new Subscription();
    const hear = (heard: string): void => {
      log.push(`${as} hears ${heard}`);
      at[heard]?.();
    };
    watching.add(
      manager.transfer(key, job(key)).subscribe({
        next: (event) => hear(word(event)),
        error: (error: unknown) => hear(messageOf(error)),
        complete: () => hear('the end'),
      }),
    );
    return watching;
  }

  const phases = (): string => {
    let list: readonly LiveTransfer[] = [];
    manager.transfers$.pipe(take(1)).subscribe((now) => (list = now));
    return list.map(({ key, phase }) => `${key} ${phase}`).join(', ');
  };

  it('runs at once where a slot is free', () => {
    watch('a');
    expect(log).toEqual(['a runs']);
  });

  it('waits, tells of it, runs in its turn and completes as what it runs', () => {
    watch('a');
    watch('b');
    expect(phases()).toBe('a active, b waiting');
    running.get('a')?.complete();
    running.get('b')?.next(resultEvent('r'));
    running.get('b')?.complete();
    expect(log).toEqual([
      ...['a runs', 'b hears Waiting', 'a hears the end'],
      ...['b runs', 'b hears r', 'b hears the end'],
    ]);
    expect(phases()).toBe('');
  });

  it('never runs when all leave while it waits', () => {
    const a = watch('a');
    const b = [watch('b'), watch('b', {}, 'b2')];
    watch('c');
    for (const one of b) one.unsubscribe();
    expect(phases()).toBe('a active, c waiting');
    a.unsubscribe();
    expect(log).toEqual([
      ...['a runs', 'b hears Waiting', 'b2 hears Waiting', 'c hears Waiting'],
      ...['a aborted', 'c runs'],
    ]);
  });

  it('tells a late watcher that it waits', () => {
    watch('a');
    watch('b');
    watch('b', {}, 'late');
    expect(log).toEqual(['a runs', 'b hears Waiting', 'late hears Waiting']);
  });

  it('never runs when its watcher leaves on hearing that it waits', () => {
    const a = watch('a');
    manager.transfer('b', job('b')).pipe(take(1)).subscribe();
    expect(phases()).toBe('a active');
    a.unsubscribe();
    expect(log).toEqual(['a runs', 'a aborted']);
  });

  it('runs after all have heard that it waits, where hearing it frees the slot', () => {
    const a = watch('a');
    watch('b', {
      Waiting: () => {
        a.unsubscribe();
        watch('b', {}, 'late');
        log.push('heard');
      },
    });
    expect(log).toEqual([
      ...['a runs', 'b hears Waiting', 'a aborted', 'late hears Waiting', 'heard'],
      'b runs',
    ]);
  });

  it('runs after its handler where that raises the limit, and keeps a lowered one', () => {
    watch('a');
    watch('b', { Waiting: () => manager.setConcurrency(2) });
    watch('c', {
      Waiting: () => {
        manager.setConcurrency(3);
        manager.setConcurrency(1);
      },
    });
    watch('d');
    expect(log).toEqual([
      ...['a runs', 'b hears Waiting', 'b runs', 'c hears Waiting', 'c runs', 'd hears Waiting'],
    ]);
    running.get('a')?.complete();
    running.get('b')?.complete();
    expect(phases()).toBe('c active, d waiting');
  });

  it('gives its slot on when the handler that freed it leaves too', () => {
    const a = watch('a');
    const stop$ = new Subject<void>();
    const leaves = (): void => {
      watch('c');
      a.unsubscribe();
      stop$.next();
    };
    manager.transfer('b', job('b')).pipe(takeUntil(stop$)).subscribe(leaves);
    expect(phases()).toBe('c active');
    expect(log).toEqual(['a runs', 'c hears Waiting', 'a aborted', 'c runs']);
  });

  it('that starts another from within its run, which waits or starts after it', () => {
    manager.setConcurrency(2);
    const starter = makeJob(() => {
      log.push('starter runs');
      watch('a');
      watch('b');
      return NEVER;
    });
    const starting = manager.transfer('starter', starter).subscribe();
    expect(phases()).toBe('starter active, a active, b waiting');
    starting.unsubscribe();
    expect(log).toEqual(['starter runs', 'a runs', 'b hears Waiting', 'b runs']);
  });

  it('whose turn comes from within the line starts others after it', () => {
    const a = watch('a');
    const starter = makeJob(() => {
      log.push('starter runs');
      manager.setConcurrency(0);
      watch('b');
      log.push('started');
      return NEVER;
    });
    manager.transfer('starter', starter).subscribe();
    watch('c');
    a.unsubscribe();
    expect(log.slice(3)).toEqual(['starter runs', 'c runs', 'b runs', 'started']);
  });

  it('begins after its predecessor has closed, and waits for its turn from then on', () => {
    const closed$ = new Subject<never>();
    const closing = makeJob((context) => {
      context.cleanup(closed$);
      return NEVER;
    });
    manager.transfer('a', closing).subscribe().unsubscribe();
    watch('a');
    watch('b');
    expect(phases()).toBe('a blocked, a closing, b active');
    closed$.complete();
    expect(phases()).toBe('a waiting, b active');
    running.get('b')?.complete();
    expect(log).toEqual(['b runs', 'a hears Waiting', 'b hears the end', 'a runs']);
  });

  it('is not begun when it is cancelled while its predecessor closes', () => {
    const closed$ = new Subject<never>();
    const closing = makeJob((context) => {
      context.cleanup(closed$);
      return NEVER;
    });
    manager.transfer('a', closing).subscribe().unsubscribe();
    watch('a').unsubscribe();
    expect(phases()).toBe('a closing');
    closed$.complete();
    expect([log, phases()]).toEqual([[], '']);
  });

  it('hands what run throws to its watchers and gives the slot on, at once and in its turn', () => {
    const throws = makeJob(() => {
      throw new Error('no run');
    });
    const fail = (key: string): void => {
      manager
        .transfer(key, throws)
        .subscribe({ error: (error: unknown) => log.push(`${key} hears ${messageOf(error)}`) });
    };
    fail('a');
    const b = watch('b');
    fail('c');
    watch('d');
    b.unsubscribe();
    expect(log).toEqual([
      ...['a hears no run', 'b runs', 'd hears Waiting', 'b aborted'],
      ...['c hears no run', 'd runs'],
    ]);
    expect(phases()).toBe('d active');
  });

  it('that ends as it starts passes the slot on, by completion and by failure', () => {
    const b = [
      makeJob(() => of(resultEvent('r'))),
      makeJob(() => throwError(() => new Error('failed'))),
      makeJob(() => EMPTY),
    ];
    const a = watch('a');
    b.forEach((one, index) => {
      manager.transfer(`b${index}`, one).subscribe({
        next: (event) => log.push(`b${index} hears ${word(event)}`),
        error: (error: unknown) => log.push(`b${index} hears ${messageOf(error)}`),
        complete: () => log.push(`b${index} hears the end`),
      });
    });
    watch('c');
    log = [];
    a.unsubscribe();
    expect(log).toEqual([
      ...['a aborted', 'b0 hears r', 'b0 hears the end', 'b1 hears failed', 'b2 hears the end'],
      'c runs',
    ]);
  });

  it('gives up its slot by inactive as it starts, and goes on', () => {
    const a = watch('a');
    const inactive = makeJob((context) => {
      context.inactive();
      return concat(of(progressEvent('p')), NEVER);
    });
    manager.transfer('b', inactive).subscribe((event) => log.push(`b hears ${word(event)}`));
    watch('c');
    a.unsubscribe();
    expect(phases()).toBe('b inactive, c active');
    expect(log.slice(-3)).toEqual(['a aborted', 'b hears p', 'c runs']);
  });

  it('sees its slot as given from within run', () => {
    const a = watch('a');
    const sees = makeJob((context) => {
      let emitted = 0;
      context.start$.subscribe(() => emitted++);
      log.push(`started ${context.started}, start$ ${emitted}, aborted ${context.signal.aborted}`);
      return NEVER;
    });
    manager.transfer('b', sees).subscribe();
    a.unsubscribe();
    expect(log.at(-1)).toBe('started true, start$ 1, aborted false');
  });

  it('is not begun for a watcher that is gone as it comes, nor told to one that joins so', () => {
    const gone$ = (key: string): Observable<Event> =>
      new Observable((gone) => {
        gone.complete();
        manager.transfer(key, job(key), { priority: 1 }).subscribe(gone);
      });
    gone$('a').subscribe((event) => log.push(word(event)));
    expect([log, phases()]).toEqual([[], '']);
    const a = watch('a');
    watch('b');
    watch('c');
    gone$('c').subscribe((event) => log.push(word(event)));
    gone$('d').subscribe((event) => log.push(word(event)));
    expect(phases()).toBe('a active, b waiting, c waiting');
    a.unsubscribe();
    // The priority of who was gone lifts nothing.
    expect(phases()).toBe('b active, c waiting');
    expect(log).toEqual([
      ...['a runs', 'b hears Waiting', 'c hears Waiting', 'a aborted', 'b runs'],
    ]);
  });

  it('is not begun when whoever hears by state$ of its place makes its watcher leave', () => {
    const stop$ = new Subject<void>();
    const leaves = (key: string): void => {
      const state = manager.state$.pipe(skip(1), take(1)).subscribe(() => stop$.next());
      manager.transfer(key, job(key)).pipe(takeUntil(stop$)).subscribe();
      state.unsubscribe();
    };
    leaves('a');
    expect([log, phases()]).toEqual([[], '']);
    watch('b');
    leaves('c');
    expect([log, phases()]).toEqual([['b runs'], 'b active']);
  });

  it('leaves nothing in line when the last of several claims is withdrawn', () => {
    const a = watch('a');
    const claims = [{ priority: 1 }, { priority: 2, group: 'g' }, {}].map((options) =>
      manager.transfer('b', job('b'), options).subscribe(),
    );
    for (const one of claims) one.unsubscribe();
    a.unsubscribe();
    expect([log, phases()]).toEqual([['a runs', 'a aborted'], '']);
  });
});

it('a job whose watcher leaves from within its run gives the slot on when run has returned', () => {
  const manager = new TransferManager<string>(1);
  const log: string[] = [];
  const stop$ = new Subject<void>();
  const leaves = idle(() => {
    stop$.next();
    log.push('returns');
    return NEVER.pipe(finalize(() => log.push('is down')));
  });
  const next = idle(() => {
    log.push('the next runs');
    return NEVER;
  });
  const a = manager.transfer('a', () => NEVER).subscribe();
  manager.transfer('b', leaves).pipe(takeUntil(stop$)).subscribe();
  manager.transfer('c', next).subscribe();
  a.unsubscribe();
  expect(log).toEqual(['returns', 'is down', 'the next runs']);
});
