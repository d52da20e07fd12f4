import { defer, throwError, type Observable } from 'rxjs';
import {
  DoNotRetry,
  InvalidTransferOptionError,
  isDoNotRetry,
  progressEvent,
  resultEvent,
  retryTransfer,
  TransferManager,
  type TransferEvent,
} from '../../src/transfer/index.js';
import { events as letters, marbles } from '../support/marbles.js';

const events: Record<string, TransferEvent<string>> = {
  ...letters,
  ...Object.fromEntries(
    [1, 2, 3, 4, 5].map((left) => [String(left), progressEvent('Retrying', { retryIn: left })]),
  ),
};

const inTurn = (attempts: Observable<TransferEvent<string>>[]) => defer(() => attempts.shift()!);

describe('retryTransfer', () => {
  it('waits 5 s after the first failure, counting down each second', () => {
    marbles(({ cold, expectObservable }) => {
      const attempts = inTurn([cold('p#', events), cold('q(r|)', events)]);
      expectObservable(attempts.pipe(retryTransfer())).toBe(
        'p 5 999ms 4 999ms 3 999ms 2 999ms 1 999ms q(r|)',
        events,
      );
    });
  });

  it('waits longer after each failure in a row', () => {
    marbles(({ cold, expectObservable }) => {
      const attempts = inTurn([cold('#', events), cold('#', events), cold('(r|)', events)]);
      const delay = (failures: number): number => 1000 * failures;
      expectObservable(attempts.pipe(retryTransfer({ delay }))).toBe(
        '1 999ms 2 999ms 1 999ms (r|)',
        events,
      );
    });
  });

  it.each([
    ['the server asks for, where that is longer', 2000, '2 999ms 1 999ms (r|)'],
    ['it would without, where that is longer', 400, '1 999ms (r|)'],
    ['a server is granted at most', 3_600_000, '3 999ms 2 999ms 1 999ms (r|)'],
  ])('waits as long as %s', (_, retryAfter, expected) => {
    marbles(({ cold, expectObservable }) => {
      // Where it stands in the chain of causes doesn't matter.
      const refused = new Error('refused', { cause: Object.assign(new Error(), { retryAfter }) });
      const attempts = inTurn([cold('#', events, refused), cold('(r|)', events)]);
      const options = { delay: () => 1000, maxRetryAfter: 3000 };
      expectObservable(attempts.pipe(retryTransfer(options))).toBe(expected, events);
    });
  });

  it('gives up with the last error after maxAttempts', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const attempt = cold('--#', events, new Error('reset'));
      const retried = attempt.pipe(retryTransfer({ maxAttempts: 3, delay: () => 0 }));
      expectObservable(retried).toBe('------#', undefined, new Error('reset'));
      expectSubscriptions(attempt.subscriptions).toBe(['^-!', '--^-!', '----^-!']);
    });
  });

  it('tries five times when not told otherwise', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const attempt = cold('#', events, new Error('reset'));
      const retried = attempt.pipe(retryTransfer({ delay: () => 1 }));
      expectObservable(retried).toBe('1111#', events, new Error('reset'));
      expectSubscriptions(attempt.subscriptions).toBe([
        '(^!)',
        '-(^!)',
        '--(^!)',
        '---(^!)',
        '----(^!)',
      ]);
    });
  });

  it('does not retry what a DoNotRetry stands behind', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const error = new Error('denied', { cause: new DoNotRetry(new Error('403')) });
      const attempt = cold('-p-#', events, error);
      expectObservable(attempt.pipe(retryTransfer())).toBe('-p-#', events, error);
      expectSubscriptions(attempt.subscriptions).toBe('     ^--!');
    });
  });

  it('counts anew after an attempt that got somewhere', () => {
    marbles(({ cold, expectObservable }) => {
      const delay = (failures: number): number => failures * 10;
      const moved = cold('p#', events, 'moved');
      const stuck = cold('#', events, 'stuck');
      const attempts = inTurn([stuck, stuck, moved, stuck, cold('(r|)', events)]);
      const countsAnew = (error: unknown): boolean => error === 'moved';
      expectObservable(attempts.pipe(retryTransfer({ maxAttempts: 3, delay, countsAnew }))).toBe(
        '1 9ms 1 19ms p 1 9ms 1 19ms (r|)',
        events,
      );
    });
  });

  it('ends its wait at once when the last watcher leaves', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const attempt = cold('#', events);
      const manager = new TransferManager<string>(1);
      const transfer$ = manager.transfer('key', () => attempt.pipe(retryTransfer()));
      expectObservable(transfer$, '^ 999ms 1ms 1ms !').toBe('5 999ms 4', events);
      expectSubscriptions(attempt.subscriptions).toBe('(^!)');
    });
  });

  it.each([
    ['maxAttempts', { maxAttempts: 0 }],
    ['maxAttempts', { maxAttempts: 1.5 }],
    ['maxAttempts', { maxAttempts: Number.NaN }],
    ['maxRetryAfter', { maxRetryAfter: -1 }],
    ['maxRetryAfter', { maxRetryAfter: Number.NaN }],
  ])('refuses a %s that makes no sense: %j', (option, options) => {
    expect(() => retryTransfer(options)).toThrow(InvalidTransferOptionError);
    expect(() => retryTransfer(options)).toThrow(`'${option}'`);
  });

  it('takes any number of attempts', () => {
    marbles(({ cold, expectObservable }) => {
      const attempts = inTurn([cold('#'), cold('#'), cold('#'), cold('(r|)', events)]);
      const retried = attempts.pipe(retryTransfer({ maxAttempts: Infinity, delay: () => 0 }));
      expectObservable(retried).toBe('(r|)', events);
    });
  });

  it.each([Number.NaN, Infinity])('errors with a wait of %d, rather than hurrying', (wait) => {
    const seen: unknown[] = [];
    throwError(() => new Error('reset'))
      .pipe(retryTransfer({ delay: () => wait }))
      .subscribe({ error: (error: unknown) => seen.push(error) });
    expect(seen).toEqual([expect.any(InvalidTransferOptionError)]);
    expect((seen[0] as Error).cause).toEqual(new Error('reset'));
  });

  it('shows the seconds left, rounded up, for a wait that is no whole number of them', () => {
    marbles(({ cold, expectObservable }) => {
      const attempts = inTurn([cold('#', events), cold('(r|)', events)]);
      expectObservable(attempts.pipe(retryTransfer({ delay: () => 2500 }))).toBe(
        '3 499ms 2 999ms 1 999ms (r|)',
        events,
      );
    });
  });
});

describe('isDoNotRetry', () => {
  const doNotRetry = new DoNotRetry(new Error('no space left'));

  it('finds it at any depth of causes and in the errors of an AggregateError', () => {
    expect(isDoNotRetry(doNotRetry)).toBe(true);
    expect(isDoNotRetry(new Error('a', { cause: new Error('b', { cause: doNotRetry }) }))).toBe(
      true,
    );
    expect(isDoNotRetry(new AggregateError([new Error('a'), doNotRetry]))).toBe(true);
    expect(isDoNotRetry(new Error('a', { cause: new AggregateError([doNotRetry]) }))).toBe(true);
  });

  it('is not found elsewhere, nor in circles', () => {
    const circle = new Error('circle');
    circle.cause = circle;
    for (const error of [new Error('a'), circle, undefined, null, 'text', resultEvent(1)]) {
      expect(isDoNotRetry(error)).toBe(false);
    }
  });

  it('keeps the message of what it wraps', () => {
    expect(doNotRetry.message).toBe('no space left');
    expect(new DoNotRetry('text').message).toBe('text');
  });
});
