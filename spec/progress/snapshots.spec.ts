import { concat, EMPTY, map, NEVER, of, timer, type Observable } from 'rxjs';
import {
  plainLine,
  plainLines,
  snapshots,
  toJsonLines,
  type ImageProgressEvent,
  type ProgressSnapshot,
} from '../../src/progress/index.js';
import { marbles } from '../support/marbles.js';
import { layerDone, progressOf, resolvedImage } from '../support/progress-events.js';

const rate = 1000 / 5; // a window of 5 frames

const downloading = (current: number): ImageProgressEvent =>
  progressOf('a', 'Downloading', { current, total: 9000 });

const events: Record<string, ImageProgressEvent> = {
  i: resolvedImage({ a: 9000 }),
  a: downloading(1),
  b: downloading(2),
  c: downloading(3),
  d: downloading(4),
  l: layerDone('a'),
  r: { kind: 'result' },
};

/** The bytes of the first layer, by the letter that moved them; l when it is done. */
function letterOf({ layers: [layer] }: ProgressSnapshot): string {
  if (layer?.done === true) return 'l';
  return layer?.moved === undefined ? 'i' : ' abcd'.charAt(layer.moved);
}

function lettersOf(events$: Observable<ImageProgressEvent>): Observable<string> {
  return snapshots(events$, { rate }).pipe(map(letterOf));
}

describe('snapshots', () => {
  it('emits the first at once and then the latest of each window', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('                  a-b-c-----d-|', events);
      expectObservable(lettersOf(source)).toBe('a----c----d-|');
    });
  });

  it('never drops the last before completion', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('                  a-b-(clr|)', events);
      expectObservable(lettersOf(source)).toBe('a---(l|)');
    });
  });

  it('never drops the last before an error', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('                  a-b-(c#)', events);
      expectObservable(lettersOf(source)).toBe('a---(c#)');
    });
  });

  it('repeats the latest each second while nothing comes, and ends with its source', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('                  a 2s b 1s |', events);
      expectObservable(lettersOf(source)).toBe('a 999ms a 999ms ab 999ms b|');
    });
  });

  it('leaves no timer behind when its watcher leaves', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('             ab-------', events);
      expectObservable(lettersOf(source), '^--!').toBe('a');
      expectSubscriptions(source.subscriptions).toBe('^--!');
    });
  });

  it('subscribes to the events once', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a|', events);
      expectObservable(lettersOf(source)).toBe('a|');
      expectSubscriptions(source.subscriptions).toBe('^!');
    });
  });

  describe('rates', () => {
    const ratesOf = (
      events$: Observable<ImageProgressEvent>,
    ): (readonly [number, number | undefined, number | undefined])[] => {
      const seen: (readonly [number, number | undefined, number | undefined])[] = [];
      marbles((_helpers, scheduler) => {
        snapshots(events$, { scheduler }).subscribe(({ layers: [layer], totals }) => {
          seen.push([scheduler.now(), layer?.rate, totals.rate]);
        });
      });
      return seen;
    };
    const steady$ = timer(0, 100).pipe(map((tick) => downloading(tick * 10)));

    it('are those of a steady stream, once it has lasted long enough to tell', () => {
      const seen: number[] = [];
      marbles((_helpers, scheduler) => {
        const watching = snapshots(steady$, { scheduler }).subscribe(({ layers: [layer] }) => {
          if (layer?.rate !== undefined) seen.push(layer.rate);
          if (scheduler.now() >= 5000) watching.unsubscribe();
        });
      });
      expect(seen.length).toBeGreaterThan(10);
      for (const bytesPerSecond of seen) {
        expect(bytesPerSecond).toBeGreaterThan(80);
        expect(bytesPerSecond).toBeLessThan(105);
      }
    });

    it('fall when nothing comes any more', () => {
      const stalling$ = concat(
        of(downloading(0)),
        timer(600).pipe(map(() => downloading(600))),
        timer(9000).pipe(map(() => ({ kind: 'result' }) as const)),
      );
      const layerRates = ratesOf(stalling$).flatMap(([at, layer]) =>
        at > 600 ? (layer ?? []) : [],
      );
      expect(layerRates.length).toBeGreaterThan(5);
      for (const [index, later] of layerRates.slice(1).entries()) {
        expect(later).toBeLessThanOrEqual(layerRates[index] ?? 0);
      }
      expect(layerRates.at(-1)).toBeLessThan(20);
    });

    it('do not count what was there before a resumed download began', () => {
      const resumed$ = concat(
        of(downloading(8000)),
        timer(1000).pipe(map(() => downloading(8100))),
        timer(100).pipe(map(() => ({ kind: 'result' }) as const)),
      );
      const highest = Math.max(...ratesOf(resumed$).map(([, , total]) => total ?? 0));
      expect(highest).toBeGreaterThan(0);
      expect(highest).toBeLessThan(150);
    });

    it('are absent for a layer that is done', () => {
      const done$ = concat(
        of(downloading(0)),
        timer(1000).pipe(map(() => downloading(9000))),
        timer(500).pipe(map(() => layerDone('a'))),
      );
      expect(ratesOf(done$).at(-1)?.[1]).toBeUndefined();
    });
  });
});

describe('plainLines', () => {
  it('has one line for each phase, however much progress is made in it', () => {
    const lines: Record<string, string> = {
      i: 'example.com/app:1: sha256:0123, 1 layer',
      p: 'a: Downloading',
      y: 'a: Retrying in 3 seconds',
    };
    const all = {
      ...events,
      x: progressOf('a', 'Retrying', { retryIn: 3 }),
      y: progressOf('a', 'Retrying', { retryIn: 2 }),
    };
    marbles(({ cold, expectObservable }) => {
      const source = cold('                               iabcdxyyalr|', all);
      expectObservable(source.pipe(plainLines())).toBe('ip---y--p--|', lines);
    });
  });

  it('says nothing of a layer or result that its phases have not said', () => {
    expect(plainLine(layerDone('a'))).toBeUndefined();
    expect(plainLine({ kind: 'result' })).toBeUndefined();
  });
});

describe('toJsonLines', () => {
  it('has an object in each line, thinned out by layer', () => {
    const lines: string[] = [];
    marbles(({ cold }, scheduler) => {
      const source = cold('i a-b-c-l-r|', events);
      source.pipe(toJsonLines({ rate, scheduler })).subscribe((line) => lines.push(line));
    });
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      {
        kind: 'resolved',
        reference: 'example.com/app:1',
        digest: 'sha256:0123',
        layers: [{ id: 'a', size: 9000 }],
      },
      { kind: 'progress', id: 'a', phase: 'Downloading', current: 1, total: 9000 },
      { kind: 'progress', id: 'a', phase: 'Downloading', current: 3, total: 9000 },
      { kind: 'layer', id: 'a' },
    ]);
    expect(lines.join('')).not.toContain('\n');
  });
});

describe('an empty stream', () => {
  it('has no snapshots and no lines', () => {
    marbles(({ expectObservable }) => {
      expectObservable(snapshots(EMPTY)).toBe('|');
      expectObservable(snapshots(NEVER)).toBe('-');
      expectObservable(EMPTY.pipe(plainLines())).toBe('|');
    });
  });
});
