import { mergeMap, of, throwError, type Observable } from 'rxjs';
import { startAhead, type ArrivingPart } from '../../src/distribution/start-ahead.js';
import { marbles } from '../support/marbles.js';

/** Digits are bytes that have arrived, letters other events. */
const part = (size: number, events$: Observable<string>): ArrivingPart<string> => ({
  events$,
  size,
  arrivedBy: (event) => (/^\d$/.test(event) ? Number(event) : undefined),
});

describe('startAhead', () => {
  it('starts the next part when those before it lack few bytes', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const a = cold('--1--6--9-|');
      const b = cold('     -------0-2|');
      const c = cold('          ---1|');
      const parts = [part(9, a), part(2, b), part(1, c)];
      expectObservable(startAhead(parts, 4)).toBe('--1--6--9---012|');
      expectSubscriptions(a.subscriptions).toBe('^---------!');
      expectSubscriptions(b.subscriptions).toBe('-----^---------!');
      expectSubscriptions(c.subscriptions).toBe('----------^---!');
    });
  });

  it('starts one after the other where nothing may be lacking', () => {
    marbles(({ cold, expectObservable }) => {
      const parts = [part(9, cold('-1-8--x|')), part(2, cold('-0-1|')), part(1, cold('-1|'))];
      expectObservable(startAhead(parts, 0)).toBe('-1-8--x-0-1-1|');
    });
  });

  it('starts small parts two at a time', () => {
    marbles(({ cold, expectObservable }) => {
      const parts = [1, 1, 1, 9, 1].map((size) => part(size, cold('--x---|')));
      expectObservable(startAhead(parts, 3)).toBe('--(xx)--(xx)--x---|');
    });
  });

  it('takes bytes back that have to come anew', () => {
    marbles(({ cold, expectObservable }) => {
      const a = part(9, cold('--6--0--4-----7--9|'));
      const b = part(1, cold('              ----x|'));
      expectObservable(startAhead([a, b], 2)).toBe('--6--0--4-----7--9x|');
    });
  });

  it('errors with the first part that does, and lets go of the others', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const a = cold('--x----');
      const b = cold('---#');
      const c = cold('-y-----');
      expectObservable(startAhead([part(1, a), part(1, b), part(9, c)], 5)).toBe('--x#');
      expectSubscriptions(a.subscriptions).toBe('^--!');
      expectSubscriptions(c.subscriptions).toBe([]);
    });
  });

  it('starts nothing once nobody listens', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const a = cold('--1-------');
      const b = cold('-x|');
      expectObservable(startAhead([part(9, a), part(1, b)], 0), '---!').toBe('--1');
      expectSubscriptions(a.subscriptions).toBe('^--!');
      expectSubscriptions(b.subscriptions).toBe([]);
    });
  });

  it('completes without parts', () => {
    marbles(({ expectObservable }) => {
      expectObservable(startAhead([], 0)).toBe('|');
    });
  });

  it('goes through many parts that are there at once', () => {
    const heard: string[] = [];
    const parts = Array.from({ length: 100_000 }, (_, index) =>
      part(1, of(`x${index}`).pipe(mergeMap((event) => of(event)))),
    );
    startAhead(parts, 0).subscribe((event) => heard.push(event));
    expect(heard).toHaveLength(100_000);
  });

  it('stops where a part errors at once', () => {
    const after = part(1, of('x'));
    const heard: unknown[] = [];
    const failing = part(
      1,
      throwError(() => new Error('no')),
    );
    startAhead([failing, after], 9).subscribe({
      next: (event) => heard.push(event),
      error: (error: unknown) => heard.push(error),
    });
    expect(heard).toEqual([new Error('no')]);
  });
});
