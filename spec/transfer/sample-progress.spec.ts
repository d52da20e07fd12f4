import { Observable, take } from 'rxjs';
import {
  InvalidTransferOptionError,
  resultEvent,
  sampleProgress,
  type TransferEvent,
} from '../../src/transfer/index.js';
import { events, marbles } from '../support/marbles.js';

const rate = 1000 / 5; // a window of 5 frames

describe('sampleProgress', () => {
  it('passes the first at once and then the latest of each window', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold(' a-b-c-d------p-q-(r|)', events);
      expectObservable(source.pipe(sampleProgress({ rate }))).toBe(
        '                   a----c----d----q-(r|)',
        events,
      );
    });
  });

  it('never drops the last before a result, completion or error', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('ab(r|)', events).pipe(sampleProgress({ rate }))).toBe(
        'a-(br|)',
        events,
      );
      expectObservable(cold('abc|', events).pipe(sampleProgress({ rate }))).toBe('a--(c|)', events);
      expectObservable(cold('abc#', events).pipe(sampleProgress({ rate }))).toBe('a--(c#)', events);
    });
  });

  it.each([0, -1, Number.NaN])('refuses a rate of %d', (wrong) => {
    expect(() => sampleProgress({ rate: wrong })).toThrow(InvalidTransferOptionError);
  });

  it('passes ten a second when not told otherwise', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('(ab) 96ms cd|', events);
      expectObservable(source.pipe(sampleProgress())).toBe('a 99ms c-(d|)', events);
    });
  });

  it('thins out each key on its own', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('     abcd-----|', events);
      const by = (event: TransferEvent<string>): unknown =>
        event.kind === 'progress' && 'ac'.includes(event.progress.phase);
      expectObservable(source.pipe(sampleProgress({ rate, by }))).toBe('ab---cd--|', events);
    });
  });

  it('leaves no timer behind when its watcher leaves', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('ab-------c', events);
      expectObservable(source.pipe(sampleProgress({ rate })), '^--!').toBe('a', events);
      expectSubscriptions(source.subscriptions).toBe('^--!');
    });
  });

  it('stops a source that emits in one go when its watcher has enough', () => {
    let emitted = 0;
    const firehose$ = new Observable<TransferEvent<string>>((watcher) => {
      while (!watcher.closed && emitted < 1000) {
        emitted++;
        watcher.next(resultEvent('r'));
      }
    });
    firehose$.pipe(sampleProgress({ rate }), take(3)).subscribe();
    expect(emitted).toBe(3);
  });
});
