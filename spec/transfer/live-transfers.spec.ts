import { map, NEVER, tap, type Observable } from 'rxjs';
import {
  TransferManager,
  whenStarted,
  type LiveTransfer,
  type TransferContext,
  type TransferEvent,
} from '../../src/transfer/index.js';
import { events, marbles } from '../support/marbles.js';

const told = (list: readonly LiveTransfer[]): string =>
  list.map(({ key, phase, watchers }) => `${key} ${phase} ${watchers}`).join(', ');

describe('transfers$', () => {
  it('lists what lives, now and after changes, at most each 100 ms', () => {
    marbles(({ cold, expectObservable }, scheduler) => {
      const manager = new TransferManager<string>(1, { scheduler });
      const job = whenStarted(() => cold('p 149ms (r|)', events));
      expectObservable(manager.transfer('a', job), '-^').toBe('-p 149ms (r|)', events);
      expectObservable(manager.transfer('b', job), '-^ 49ms !').toBe('-w', events);
      expectObservable(manager.transfers$.pipe(map(told)), '^ 299ms !').toBe('s 99ms t 99ms u', {
        s: '',
        t: 'a active 1',
        u: '',
      });
    });
  });

  it('tells phase, watchers, the latest progress and since when, by the scheduler', () => {
    marbles(({ cold, expectObservable }, scheduler) => {
      const manager = new TransferManager<string>(2, { scheduler });
      const detached = (context: TransferContext): Observable<TransferEvent<string>> =>
        cold('q----', events).pipe(tap(() => context.inactive()));
      const closing = (context: TransferContext): Observable<TransferEvent<string>> => {
        context.cleanup(NEVER);
        return NEVER;
      };
      const running = whenStarted(() => cold('p----', events));
      expectObservable(manager.transfer('a', whenStarted(detached))).toBe('      q', events);
      expectObservable(manager.transfer('b', closing), '^-!').toBe('             -');
      expectObservable(manager.transfer('b', closing), '---^').toBe('            -');
      expectObservable(manager.transfer('c', running), '---^').toBe('            ---p', events);
      expectObservable(manager.transfer('c', running), '----^').toBe('           ----p', events);
      expectObservable(manager.transfer('d', running), '----^').toBe('           ----p', events);
      expectObservable(manager.transfer('e', running), '----^').toBe('           ----w', events);
      const list: LiveTransfer[] = [
        { key: 'a', phase: 'inactive', watchers: 1, since: 0, progress: { phase: 'q' } },
        { key: 'b', phase: 'blocked', watchers: 1, since: 3 },
        { key: 'b', phase: 'closing', watchers: 0, since: 0 },
        { key: 'c', phase: 'active', watchers: 2, since: 3, progress: { phase: 'p' } },
        { key: 'd', phase: 'active', watchers: 1, since: 4, progress: { phase: 'p' } },
        { key: 'e', phase: 'waiting', watchers: 1, since: 4, progress: { phase: 'Waiting' } },
      ];
      expectObservable(manager.transfers$, '-----^!').toBe('-----l', { l: list });
    });
  });

  it('costs no timer when nobody watches', () => {
    marbles(({ cold, expectObservable }, scheduler) => {
      const schedule = jest.spyOn(scheduler, 'schedule');
      const manager = new TransferManager<string>(1, { scheduler });
      const watched = manager.transfers$.subscribe();
      expect(schedule).toHaveBeenCalled();
      watched.unsubscribe();
      schedule.mockClear();
      manager
        .transfer('a', () => NEVER)
        .subscribe()
        .unsubscribe();
      expect(schedule).not.toHaveBeenCalled();
      expectObservable(cold('|')).toBe('|');
    });
  });
});
