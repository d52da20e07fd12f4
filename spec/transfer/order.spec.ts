import { EMPTY } from 'rxjs';
import {
  InvalidPriorityError,
  TransferManager,
  whenStarted,
  type TransferOptions,
} from '../../src/transfer/index.js';
import { ClaimFor, Line } from '../../src/transfer/line.js';
import { events, marbles } from '../support/marbles.js';

/** What comes out of a line, as it is entered by e.g. `'a1 a2 b1'`: groups and numbers. */
function order(claims: string, priorities: Record<string, number> = {}): string {
  const line = new Line<string>();
  for (const name of claims.split(' ')) {
    const group = name.slice(0, 1);
    line.enter(new ClaimFor(name, priorities[group] ?? 0, group));
  }
  const left: string[] = [];
  for (let claim = line.next(); claim; claim = line.next()) left.push(claim.holder);
  return left.join(' ');
}

describe('the line', () => {
  it('gives turns by priority, then to groups in turn, then first come, first served', () => {
    const entered = '             a1 a2 a3 b1 h1 b2'.trim();
    expect(order(entered, { h: 1 })).toBe('h1 a1 b1 a2 b2 a3');
  });

  it('holds any number of priorities, left in any order', () => {
    const line = new Line<number>();
    const claims = Array.from({ length: 1000 }, (_, index) => {
      const claim = new ClaimFor(index, (index * 7919) % 1009, undefined);
      line.enter(claim);
      return claim;
    });
    const leaving = claims.filter(({ holder }) => (holder * 31) % 3 === 0);
    for (const claim of leaving) line.leave(claim);
    const expected = claims
      .filter((claim) => !leaving.includes(claim))
      .map(({ priority }) => priority)
      .sort((a, b) => b - a);
    const left: number[] = [];
    for (let claim = line.next(); claim; claim = line.next()) left.push(claim.priority);
    expect(left).toEqual(expected);
  });
});

describe('priorities and groups', () => {
  const asks = (priority: number, group?: string): TransferOptions => ({ priority, group });

  it('starts the higher priority earlier', () => {
    marbles(({ cold, expectObservable }) => {
      const job = whenStarted(() => cold('p--(r|)', events));
      const manager = new TransferManager<string>(1);
      expectObservable(manager.transfer('a', job)).toBe('             p--(r|)', events);
      expectObservable(manager.transfer('b', job)).toBe('             w--------p--(r|)', events);
      expectObservable(manager.transfer('c', job, asks(1))).toBe('    w-----p--(r|)', events);
      expectObservable(manager.transfer('d', job, asks(2))).toBe('    w--p--(r|)', events);
    });
  });

  it('lets groups take turns, so that a long pull does not starve a short one', () => {
    marbles(({ cold, expectObservable }) => {
      const job = whenStarted(() => cold('p--(r|)', events));
      const manager = new TransferManager<string>(1);
      const long = { group: 'long' };
      const short = { group: 'short' };
      expectObservable(manager.transfer('l1', job, long)).toBe('  p--(r|)', events);
      expectObservable(manager.transfer('l2', job, long)).toBe('  w--p--(r|)', events);
      expectObservable(manager.transfer('l3', job, long)).toBe('  w--------p--(r|)', events);
      expectObservable(manager.transfer('l4', job, long)).toBe('  w--------------p--(r|)', events);
      expectObservable(manager.transfer('s1', job, short)).toBe(' w-----p--(r|)', events);
      expectObservable(manager.transfer('s2', job, short)).toBe(' w-----------p--(r|)', events);
    });
  });

  it('takes those without a group as one', () => {
    marbles(({ cold, expectObservable }) => {
      const job = whenStarted(() => cold('p--(r|)', events));
      const manager = new TransferManager<string>(1);
      const group = { group: 'g' };
      expectObservable(manager.transfer('a', job)).toBe('        p--(r|)', events);
      expectObservable(manager.transfer('b', job)).toBe('        w--p--(r|)', events);
      expectObservable(manager.transfer('c', job)).toBe('        w--------p--(r|)', events);
      expectObservable(manager.transfer('d', job, group)).toBe(' w-----p--(r|)', events);
    });
  });

  it('lifts a waiting transfer when one joins with a higher priority', () => {
    marbles(({ cold, expectObservable }) => {
      const job = whenStarted(() => cold('p--(r|)', events));
      const manager = new TransferManager<string>(1);
      expectObservable(manager.transfer('a', job)).toBe('                     p--(r|)', events);
      expectObservable(manager.transfer('b', job)).toBe(
        '                     w-----p--(r|)',
        events,
      );
      expectObservable(manager.transfer('c', job)).toBe('                     w--p--(r|)', events);
      expectObservable(manager.transfer('c', job, asks(1)), '--^').toBe('     --wp--(r|)', events);
    });
  });

  it('puts it back where it stood when that one leaves again', () => {
    marbles(({ cold, expectObservable }) => {
      const job = whenStarted(() => cold('p--(r|)', events));
      const manager = new TransferManager<string>(1);
      expectObservable(manager.transfer('a', job)).toBe('                     p--(r|)', events);
      expectObservable(manager.transfer('b', job)).toBe('                     w--p--(r|)', events);
      expectObservable(manager.transfer('c', job)).toBe(
        '                     w-----p--(r|)',
        events,
      );
      expectObservable(manager.transfer('d', job)).toBe(
        '                     w--------p--(r|)',
        events,
      );
      expectObservable(manager.transfer('c', job, asks(1)), '-^!').toBe('     -w', events);
    });
  });

  it('serves a group by what another began', () => {
    marbles(({ cold, expectObservable }) => {
      const job = whenStarted(() => cold('p--(r|)', events));
      const manager = new TransferManager<string>(1);
      const long = { group: 'long' };
      expectObservable(manager.transfer('l1', job, long)).toBe('  p--(r|)', events);
      expectObservable(manager.transfer('l2', job, long)).toBe('  w--p--(r|)', events);
      expectObservable(manager.transfer('l3', job, long)).toBe('  w--------p--(r|)', events);
      expectObservable(manager.transfer('l4', job, long)).toBe('  w-----p--(r|)', events);
      // The short one wants what the long one has last.
      expectObservable(manager.transfer('l4', job, { group: 'short' })).toBe(
        '                                                         w-----p--(r|)',
        events,
      );
    });
  });

  it('drops a claim with the watcher that made it, the first one too', () => {
    marbles(({ cold, expectObservable }) => {
      const job = whenStarted(() => cold('p--(r|)', events));
      const manager = new TransferManager<string>(1);
      expectObservable(manager.transfer('a', job)).toBe('                  p--(r|)', events);
      expectObservable(manager.transfer('b', job)).toBe('                  w--p--(r|)', events);
      expectObservable(manager.transfer('c', job, asks(1)), '^-!').toBe('  w', events);
      expectObservable(manager.transfer('c', job)).toBe('                  w-----p--(r|)', events);
    });
  });

  it('refuses a priority that is no number', () => {
    const manager = new TransferManager<string>(1);
    const job = whenStarted<string>(() => EMPTY);
    expect(() => manager.transfer('a', job, { priority: Number.NaN })).toThrow(
      InvalidPriorityError,
    );
  });
});
