import { map, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { resultEvent, TransferManager, whenStarted, type TransferJob } from 'rxfer/transfer';
import { prefetchWhenIdle } from './prefetch-when-idle.js';

/** A job that takes this many frames once it has its slot. */
function lasting(frames: number, value: string): TransferJob<string> {
  return whenStarted(() => timer(frames).pipe(map(() => resultEvent(value))));
}

it('lets those go first whom somebody waits for', () => {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  scheduler.run(({ expectObservable }) => {
    const manager = new TransferManager<string>(1);
    const prefetched = new Map([
      ['a', lasting(2, 'a')],
      ['b', lasting(2, 'b')],
    ]);
    const values = { x: resultEvent('x'), a: resultEvent('a'), b: resultEvent('b') };
    expectObservable(manager.transfer('x', lasting(5, 'x'))).toBe('-----(x|)', values);
    expectObservable(prefetchWhenIdle(manager, prefetched)).toBe('  -------a-(b|)', values);
  });
});
