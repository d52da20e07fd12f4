import {
  defer,
  dematerialize,
  map,
  merge,
  NEVER,
  tap,
  timer,
  type Observable,
  type ObservableNotification,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import {
  eventsOf,
  progressEvent,
  resultOf,
  retryTransfer,
  sampleProgress,
  TransferManager,
  transferOn,
  untilAborted,
  type TransferEvent,
} from '../../src/transfer/index.js';
import { events, marbles } from '../support/marbles.js';

describe('the diagrams of operators', () => {
  it('retryTransfer', () => {
    marbles(({ cold, expectObservable }) => {
      const attempts = [cold('--p--#', events), cold('--q--(r|)', events)];
      const retried$ = defer(() => attempts.shift() ?? NEVER).pipe(
        retryTransfer({ delay: () => 2000 }),
      );
      expectObservable(retried$).toBe('--p--2 999ms 1 999ms --q--(r|)', {
        ...events,
        1: progressEvent('Retrying', { retryIn: 1 }),
        2: progressEvent('Retrying', { retryIn: 2 }),
      });
    });
  });

  it('sampleProgress', () => {
    marbles(({ cold, expectObservable }) => {
      const source$ = cold('              a-b-c-d----------p-q-(r|)', events);
      const sampled$ = source$.pipe(sampleProgress({ rate: 1000 / 5 }));
      expectObservable(sampled$).toBe('   a----c----d------p---(qr|)', events);
    });
  });

  it('transferOn', () => {
    marbles(({ cold, expectObservable }) => {
      const manager = new TransferManager<string>(1);
      const holder$ = manager.transfer('a', () => NEVER);
      const source$ = cold('                                      d-d-(r|)', events);
      expectObservable(holder$, '^----!').toBe('             -');
      expectObservable(source$.pipe(transferOn(manager, 'b'))).toBe('w----d-d-(r|)', events);
    });
  });

  it('untilAborted', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const controller = new AbortController();
      const signal$ = cold('-----a').pipe(tap(() => controller.abort('e')));
      const source = cold(' --p--q--(r|)', events);
      expectObservable(signal$).toBe('-----a');
      expectObservable(source.pipe(untilAborted(controller.signal))).toBe('--p--#', events, 'e');
      expectSubscriptions(source.subscriptions).toBe('^----!');
    });
  });
});

describe('the diagrams of ways out', () => {
  it('resultOf', async () => {
    let value: Promise<string> | undefined;
    marbles(({ cold, expectSubscriptions }) => {
      const transfer$ = cold('                           --p--q--(r|)', events);
      value = resultOf(transfer$);
      expectSubscriptions(transfer$.subscriptions).toBe('^-------!');
    });
    await expect(value).resolves.toBe('r');
  });

  it('eventsOf', async () => {
    jest.useFakeTimers();
    try {
      const source$ = played('    --p-a-q-r-(s|)');
      const loop = playedBack('   --p----q----r----s----|');
      const begin = Date.now();
      const heard: unknown[] = [];
      const looping = (async () => {
        for await (const event of eventsOf(source$)) {
          heard.push([Date.now() - begin, event]);
          await new Promise((resolve) => setTimeout(resolve, 5 * frame));
        }
        heard.push([Date.now() - begin, 'end']);
      })();
      await jest.advanceTimersByTimeAsync(1000);
      await looping;
      expect(heard).toEqual(loop);
    } finally {
      jest.useRealTimers();
    }
  });
});

type Notified = ObservableNotification<TransferEvent<string>>;

/** Of parseMarbles outside of a run, in ms. */
const frame = 10;

function parse(diagram: string): { frame: number; notification: Notified }[] {
  return TestScheduler.parseMarbles(diagram, events, undefined, undefined, true);
}

/** Plays a diagram on timers. */
function played(diagram: string): Observable<TransferEvent<string>> {
  const notifications = parse(diagram).map((message) =>
    timer(message.frame).pipe(map(() => message.notification)),
  );
  return merge(...notifications).pipe(dematerialize());
}

/** When what is heard, by a diagram. */
function playedBack(diagram: string): unknown[] {
  return parse(diagram).map(({ frame: time, notification }) => [
    time,
    notification.kind === 'N' ? notification.value : 'end',
  ]);
}
