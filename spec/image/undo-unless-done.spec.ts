import { NEVER, Subject, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { undoUnlessDone } from '../../src/image/undo-unless-done.js';

const trouble = new Error('trouble');
let undone: number;
let finish: () => void;
const undo = (): Promise<void> => {
  undone++;
  return new Promise((resolve) => (finish = resolve));
};
beforeEach(() => (undone = 0));

it('passes on what comes to its end, and undoes nothing', () => {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  scheduler.run(({ cold, expectObservable }) => {
    expectObservable(cold('--a--|').pipe(undoUnlessDone(undo))).toBe('--a--|');
  });
  expect(undone).toBe(0);
});

it('undoes once before an error is heard', async () => {
  const heard = jest.fn();
  throwError(() => trouble)
    .pipe(undoUnlessDone(undo))
    .subscribe({ error: heard });
  await Promise.resolve();
  expect([undone, heard.mock.calls]).toEqual([1, []]);
  finish();
  await new Promise(setImmediate);
  expect([undone, heard.mock.calls]).toEqual([1, [[trouble]]]);
});

it('undoes once in the background where whoever watches has left', () => {
  const watching = NEVER.pipe(undoUnlessDone(undo)).subscribe();
  expect(undone).toBe(0);
  watching.unsubscribe();
  expect(undone).toBe(1);
});

it('undoes once where whoever watches leaves before the error is heard', () => {
  const source$ = new Subject<never>();
  const watching = source$.pipe(undoUnlessDone(undo)).subscribe({ error: () => undefined });
  source$.error(trouble);
  watching.unsubscribe();
  expect(undone).toBe(1);
});
