import { TestScheduler, type RunHelpers } from 'rxjs/testing';
import { progressEvent, resultEvent, type TransferEvent } from '../../src/transfer/index.js';

/** Runs a marble test in virtual time; a dash is 1 ms. */
export function marbles(test: (helpers: RunHelpers, scheduler: TestScheduler) => void): void {
  const scheduler = new TestScheduler((actual, expected) => {
    expect(actual).toEqual(expected);
  });
  scheduler.run((helpers) => test(helpers, scheduler));
}

/** The events that the letters of the diagrams stand for: r and s are results, others progress. */
export const events: Record<string, TransferEvent<string>> = {
  ...Object.fromEntries(Array.from('abcdefghpqwxyz', (letter) => [letter, progressEvent(letter)])),
  w: progressEvent('Waiting'),
  r: resultEvent('r'),
  s: resultEvent('s'),
};
