import { EMPTY, NEVER, Subject, tap } from 'rxjs';
import {
  eventsOf,
  NoResultError,
  onlyResult,
  progressEvent,
  resultEvent,
  resultOf,
  TransferManager,
  transferOn,
  untilAborted,
  watchTransfer,
  whenStarted,
  withProgress,
  type TransferEvent,
} from '../../src/transfer/index.js';
import { events, marbles } from '../support/marbles.js';

type Event = TransferEvent<string>;

describe('onlyResult', () => {
  it('passes the value of the result and drops progress', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('             --p--q--(r|)', events);
      expectObservable(source.pipe(onlyResult())).toBe('--------(v|)', { v: 'r' });
    });
  });

  it('passes errors', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('-p-#', events).pipe(onlyResult())).toBe('---#');
    });
  });
});

describe('withProgress', () => {
  it('folds events into what is known so far', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('               --p--q--(r|)', events);
      expectObservable(source.pipe(withProgress())).toBe('--a--b--(c|)', {
        a: { done: false, progress: { phase: 'p' } },
        b: { done: false, progress: { phase: 'q' } },
        c: { done: true, progress: { phase: 'q' }, value: 'r' },
      });
    });
  });

  it('keeps the result when progress comes after it', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('r-p|', events).pipe(withProgress())).toBe('a-b|', {
        a: { done: true, value: 'r' },
        b: { done: true, progress: { phase: 'p' }, value: 'r' },
      });
    });
  });
});

describe('transferOn', () => {
  it('subscribes the source once it has a slot', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const manager = new TransferManager<string>(1);
      const source = cold('          d-d-(r|)', { ...events, d: progressEvent('d') });
      expectObservable(
        manager.transfer('a', () => NEVER),
        '^----!',
      ).toBe('-');
      expectObservable(source.pipe(transferOn(manager, 'b'))).toBe('w----d-d-(r|)', {
        ...events,
        d: progressEvent('d'),
      });
      expectSubscriptions(source.subscriptions).toBe('-----^---!');
    });
  });

  it('joins the one that is alive', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const manager = new TransferManager<string>(1);
      const first = cold('p--(r|)', events);
      const second = cold('q--(s|)', events);
      expectObservable(first.pipe(transferOn(manager, 'a'))).toBe('p--(r|)', events);
      expectObservable(second.pipe(transferOn(manager, 'a')), '-^').toBe('-p-(r|)', events);
      expectSubscriptions(second.subscriptions).toBe([]);
    });
  });
});

describe('watchTransfer', () => {
  it('watches what each value asks for', () => {
    marbles(({ cold, hot, expectObservable }) => {
      const manager = new TransferManager<string>();
      const jobs: Record<string, string> = { a: 'p--(r|)', b: 'p---q--(s|)' };
      const source = hot('      a-b----|');
      const expected = '        p-pr--q--(s|)';
      const watched = source.pipe(
        watchTransfer(manager, (key) => ({ key, job: () => cold(jobs[key]!, events) })),
      );
      expectObservable(watched).toBe(expected, events);
    });
  });
});

describe('untilAborted', () => {
  it('errors with the reason and leaves the source', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const controller = new AbortController();
      const source = cold('                               --p--q--(r|)', events);
      const abort = cold('                                -----a').pipe(
        tap(() => controller.abort('e')),
      );
      expectObservable(abort).toBe('                      -----a');
      expectObservable(source.pipe(untilAborted(controller.signal))).toBe('--p--#', events, 'e');
      expectSubscriptions(source.subscriptions).toBe('    ^----!');
    });
  });

  it('does not subscribe when it was aborted before', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('r', events);
      const signal = AbortSignal.abort('e');
      expectObservable(source.pipe(untilAborted(signal))).toBe('#', events, 'e');
      expectSubscriptions(source.subscriptions).toBe([]);
    });
  });

  it('leaves no listener behind', () => {
    const { signal } = new AbortController();
    const add = jest.spyOn(signal, 'addEventListener');
    const remove = jest.spyOn(signal, 'removeEventListener');
    EMPTY.pipe(untilAborted(signal)).subscribe();
    NEVER.pipe(untilAborted(signal)).subscribe().unsubscribe();
    expect(add).toHaveBeenCalledTimes(2);
    expect(remove).toHaveBeenCalledTimes(2);
  });
});

describe('resultOf', () => {
  it('resolves with the result when the transfer completes', async () => {
    const job$ = new Subject<Event>();
    const value = resultOf(new TransferManager<string>().transfer('a', () => job$));
    job$.next(progressEvent('p'));
    job$.next(resultEvent('r'));
    job$.complete();
    await expect(value).resolves.toBe('r');
  });

  it('rejects with the error, and where there is no result', async () => {
    const job$ = new Subject<Event>();
    const failed = resultOf(job$);
    job$.error(new Error('failed'));
    await expect(failed).rejects.toThrow('failed');
    await expect(resultOf(EMPTY)).rejects.toBeInstanceOf(NoResultError);
  });

  it('rejects and unsubscribes when the signal is aborted', async () => {
    const controller = new AbortController();
    const job$ = new Subject<Event>();
    const manager = new TransferManager<string>();
    const value = resultOf(
      manager.transfer('a', () => job$),
      controller,
    );
    expect(job$.observed).toBe(true);
    controller.abort(new Error('enough'));
    expect(job$.observed).toBe(false);
    await expect(value).rejects.toThrow('enough');
  });
});

describe('eventsOf', () => {
  const phases = (list: Event[]): string =>
    list.map((event) => (event.kind === 'progress' ? event.progress.phase : event.value)).join('');

  it('keeps the latest progress while the loop is busy, and drops nothing else', async () => {
    const job$ = new Subject<Event>();
    const heard: Event[] = [];
    for (const iterator = eventsOf(job$); ;) {
      const step = iterator.next();
      if (heard.length === 0) job$.next(progressEvent('a'));
      const { done, value } = await step;
      if (done === true) break;
      heard.push(value);
      if (phases(heard) === 'a') {
        for (const phase of 'bcd') job$.next(progressEvent(phase));
        job$.next(resultEvent('R'));
        for (const phase of 'ef') job$.next(progressEvent(phase));
        job$.next(resultEvent('S'));
        job$.next(progressEvent('g'));
        job$.complete();
      }
    }
    expect(phases(heard)).toBe('adRfSg');
  });

  it('keeps the latest of each that it is told apart by', async () => {
    const job$ = new Subject<Event & { id: number }>();
    const iterator = eventsOf(job$, { by: ({ id }) => id });
    const first = iterator.next();
    for (const [phase, id] of [
      ['a', 1],
      ['b', 1],
      ['c', 2],
      ['d', 1],
      ['e', 2],
    ] as const) {
      job$.next({ ...progressEvent(phase), id });
    }
    job$.complete();
    const heard: Event[] = [(await first).value as Event];
    for await (const event of iterator) heard.push(event);
    expect(phases(heard)).toBe('ade');
  });

  it('throws what telling apart throws, and leaves the source', async () => {
    const job$ = new Subject<Event>();
    const by = (): never => {
      throw new Error('no id');
    };
    const step = eventsOf(job$, { by }).next();
    job$.next(progressEvent('a'));
    await expect(step).rejects.toThrow('no id');
    expect(job$.observed).toBe(false);
  });

  it('throws the error after what was kept', async () => {
    const job$ = new Subject<Event>();
    const iterator = eventsOf(job$);
    const first = iterator.next();
    job$.next(progressEvent('a'));
    job$.next(progressEvent('b'));
    job$.error(new Error('failed'));
    expect((await first).value).toEqual(progressEvent('a'));
    expect((await iterator.next()).value).toEqual(progressEvent('b'));
    await expect(iterator.next()).rejects.toThrow('failed');
    expect((await iterator.next()).done).toBe(true);
  });

  it('subscribes at the first step and unsubscribes when the loop is left', async () => {
    const job$ = new Subject<Event>();
    const manager = new TransferManager<string>();
    const iterator = eventsOf(manager.transfer('a', () => job$));
    expect(job$.observed).toBe(false);
    const step = iterator.next();
    job$.next(progressEvent('a'));
    await step;
    job$.next(progressEvent('b'));
    for await (const event of iterator) {
      expect(event).toEqual(progressEvent('b'));
      break;
    }
    expect(job$.observed).toBe(false);
  });

  it('ends steps that are asked for when it is returned, and never begins after that', async () => {
    const job$ = new Subject<Event>();
    const iterator = eventsOf(job$);
    const step = iterator.next();
    await iterator.return?.();
    expect((await step).done).toBe(true);
    const unused = eventsOf(job$);
    await unused.return?.();
    expect((await unused.next()).done).toBe(true);
    expect(job$.observed).toBe(false);
  });

  it('throws the reason of its signal', async () => {
    const controller = new AbortController();
    const step = eventsOf(NEVER, controller).next();
    controller.abort(new Error('enough'));
    await expect(step).rejects.toThrow('enough');
  });

  it('iterates a transfer that waits and runs', async () => {
    const manager = new TransferManager<string>(1);
    const holder = manager.transfer('holder', () => NEVER).subscribe();
    const job$ = new Subject<Event>();
    const heard: Event[] = [];
    for await (const event of eventsOf(
      manager.transfer(
        'a',
        whenStarted(() => job$),
      ),
    )) {
      heard.push(event);
      if (phases(heard) === 'Waiting') {
        holder.unsubscribe();
        job$.next(resultEvent('r'));
        job$.complete();
      }
    }
    expect(phases(heard)).toBe('Waitingr');
  });
});
