import { MarbleMismatchError, transferMarbles } from '../../src/testing/index.js';

describe('transferMarbles', () => {
  it('shows starts, events and releases of jobs', () => {
    transferMarbles(({ manager, job, expectEvents, expectStarts, expectReleases }) => {
      const slots = manager(1);
      expectEvents(slots.transfer('a', job('a', 'p--(r|)'))).toBe('p--(r|)');
      expectEvents(slots.transfer('b', job('b', 'p--(r|)'))).toBe('w--p--(r|)');
      expectStarts().toBe('a--b');
      expectReleases().toBe('---a--b');
    });
  });

  it('takes i as the slot given back, and cancellation as a release', () => {
    transferMarbles(({ manager, job, expectEvents, expectStarts, expectReleases }) => {
      const slots = manager(1);
      expectEvents(slots.transfer('a', job('first', 'p-i---(r|)'))).toBe('p-----(r|)');
      expectEvents(slots.transfer('b', job('second', 'p-----')), '^---!').toBe('w-p');
      expectEvents(slots.transfer('c', job('third', '#'))).toBe('w---#');
      expectStarts().toBe('   f-s-t', { f: 'first', s: 'second', t: 'third' });
      expectReleases().toBe(' --f-(st)', { f: 'first', s: 'second', t: 'third' });
    });
  });

  it('says by itself what differs, frame by frame', () => {
    const wrong = (): void =>
      transferMarbles(({ manager, job, expectEvents }) => {
        expectEvents(manager(1).transfer('a', job('a', 'p-(r|)'))).toBe('p--(r|)');
      });
    expect(wrong).toThrow(MarbleMismatchError);
    expect(wrong).toThrow(/expected:\n.*frame: 0.*\n.*frame: 3.*\n.*\nactual:\n.*\n.*frame: 2/);
  });

  it('takes the assertion of a framework', () => {
    const compared: unknown[] = [];
    transferMarbles(({ expectStarts }) => expectStarts().toBe(''), {
      assertDeepEqual: (actual, expected) => compared.push(actual, expected),
    });
    expect(compared).toEqual([[], []]);
  });
});
