import { TestScheduler } from 'rxjs/testing';
import { concat, map, NEVER, of, timer } from 'rxjs';
import { Activity } from '../../src/engine/activity.js';
import type { ActivityNews } from '../../src/engine/news.js';
import { emptyState, reduceNews, type DashboardState } from '../../src/engine/page/state.js';
import { viewOf } from '../../src/engine/page/view.js';
import { emptySnapshot, emptyTimeline, type ImageProgressEvent } from '../../src/progress/index.js';
import { silentLogger } from '../../src/transfer/index.js';

const known = { timeline: emptyTimeline, snapshot: emptySnapshot };
const begun = (id: string, began: number): ActivityNews => ({
  kind: 'operation',
  id,
  what: 'pull',
  reference: `app:${id}`,
  began,
  ...known,
});
const resolved = (...ids: string[]): ImageProgressEvent => ({
  kind: 'resolved',
  image: { reference: 'app', resolved: 'sha256:0', layers: ids.map(() => ({ size: 100 })) },
  ids,
});
const downloading = (id: string, current: number): ImageProgressEvent => ({
  kind: 'progress',
  id,
  progress: { phase: 'Downloading', current, total: 100 },
});
const heard = (id: string, at: number, event: ImageProgressEvent): ActivityNews => ({
  kind: event.kind === 'progress' ? 'progress' : 'event',
  id,
  at,
  event,
});
const after = (...news: ActivityNews[]): DashboardState => news.reduce(reduceNews, emptyState);

describe('what the dashboard shows', () => {
  it('is a row for each layer, with those who share it, and its bytes once', () => {
    const state = after(
      begun('1', 1000),
      heard('1', 1100, resolved('a', 'b')),
      begun('2', 1200),
      heard('2', 1300, resolved('a', 'c')),
      heard('1', 2000, downloading('a', 50)),
      heard('2', 2000, downloading('a', 50)),
      heard('2', 3000, downloading('c', 20)),
    );
    const view = viewOf(state, 4500);
    expect(view.rows.map(({ id, sharedBy }) => [id, sharedBy])).toEqual([
      ['a', ['1', '2']],
      ['b', ['1']],
      ['c', ['2']],
    ]);
    expect(view).toMatchObject({ begin: 1000, end: 4500, current: 70, total: 300, done: 0 });
    expect(view.throughput.slice(-3)).toEqual([0, 50, 20].slice(-3));
    expect(view.rows[0]?.bars).toEqual([
      { phase: 'Waiting', begin: 1100, end: 2000 },
      { phase: 'Downloading', begin: 2000, end: 4500 },
    ]);
    expect(view.operations.map(({ id }) => id)).toEqual(['2', '1']);
  });

  it('counts the bytes of layers that are done before any of them were told, once', () => {
    const pulling = (id: string): ImageProgressEvent => ({
      kind: 'progress',
      id,
      progress: { phase: 'Pulling fs layer' },
    });
    const done = (id: string): ImageProgressEvent => ({ kind: 'layer', id, status: 'pulled' });
    const state = after(
      begun('1', 1000),
      heard('1', 1000, resolved('a', 'b')),
      begun('2', 1000),
      heard('2', 1000, resolved('a')),
      ...[heard('1', 1000, pulling('a')), heard('1', 1000, pulling('b'))],
      heard('2', 1000, pulling('a')),
      heard('1', 2000, downloading('b', 30)),
      ...[heard('1', 2100, done('a')), heard('2', 2100, done('a'))],
      heard('1', 3000, done('b')),
      begun('3', 3000),
      heard('3', 3000, resolved('a')),
      heard('3', 3100, { kind: 'progress', id: 'a', progress: { phase: 'Already exists' } }),
      heard('3', 3100, { kind: 'layer', id: 'a', status: 'exists' }),
    );
    expect(state.moved).toEqual([
      { second: 2, bytes: 130 },
      { second: 3, bytes: 70 },
    ]);
  });

  it('does not count what was moved before the page came', () => {
    const before = after(
      begun('1', 1000),
      heard('1', 1000, resolved('a')),
      heard('1', 1500, downloading('a', 60)),
    );
    const [{ timeline, snapshot } = known] = before.operations;
    const state = [
      { ...begun('1', 1000), timeline, snapshot } as ActivityNews,
      heard('1', 9000, downloading('a', 80)),
    ].reduce(reduceNews, emptyState);
    expect(state.moved).toEqual([{ second: 9, bytes: 20 }]);
  });

  it('goes on with those who stay when one that shares a layer is cancelled', () => {
    const state = after(
      begun('1', 1000),
      heard('1', 1000, resolved('a')),
      begun('2', 1000),
      heard('2', 1000, resolved('a')),
      heard('1', 1100, downloading('a', 10)),
      { kind: 'ended', id: '1', at: 1200, outcome: 'cancelled' },
      heard('2', 1500, downloading('a', 90)),
    );
    const [row] = viewOf(state, 2000).rows;
    expect(row?.snapshot).toMatchObject({ moved: 90 });
    expect(row?.bars.at(-1)).toMatchObject({ phase: 'Downloading', end: 2000 });
  });

  it('waits no more for the layers of what was cancelled, up to when it was', () => {
    const cancelled = [
      begun('1', 1000),
      heard('1', 1000, resolved('a', 'b')),
      heard('1', 1100, downloading('a', 10)),
      { kind: 'ended', id: '1', at: 3000, outcome: 'cancelled' },
    ] as const;
    const alone = viewOf(after(...cancelled), 5000);
    expect(alone.rows.map(({ outcome, bars }) => [outcome, bars.at(-1)])).toEqual([
      ['cancelled', { phase: 'Downloading', begin: 1100, end: 3000 }],
      ['cancelled', { phase: 'Waiting', begin: 1000, end: 3000 }],
    ]);
    expect(alone).toMatchObject({ current: 10, total: 200, layers: 2 });
    const other = [
      begun('2', 1500),
      heard('2', 1500, resolved('c')),
      heard('2', 4000, downloading('c', 30)),
    ];
    const view = viewOf(after(...cancelled, ...other), 5000);
    expect(view).toMatchObject({ current: 30, total: 100, layers: 1, done: 0 });
    expect(view.rows.map(({ outcome }) => outcome)).toEqual(['cancelled', 'cancelled', undefined]);
  });

  it('leaves out what was long before', () => {
    const state = after(
      begun('1', 1000),
      heard('1', 1000, resolved('a')),
      { kind: 'ended', id: '1', at: 2000, outcome: 'done' },
      begun('2', 60_000),
      heard('2', 60_000, resolved('b')),
    );
    expect(viewOf(state, 61_000).rows.map(({ id }) => id)).toEqual(['b']);
    expect(viewOf(after(begun('1', 1000)), 99_000).operations).toHaveLength(1);
  });
});

describe('the activity', () => {
  it('is told to those who come later as well, and cancelled by id', () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    scheduler.run(({ cold, expectObservable }) => {
      const activity = new Activity(scheduler, silentLogger);
      const events$ = concat(of(resolved('a')), cold('--p-|', { p: downloading('a', 5) }));
      const pull$ = activity.track('pull', 'app', events$);
      const forever$ = activity.track('push', 'other', NEVER);
      expectObservable(pull$.pipe(map(({ kind }) => kind[0]))).toBe('r-p-|');
      expectObservable(forever$).toBe(
        '-----#',
        undefined,
        expect.objectContaining({ code: 'ERR_CANCELLED' }),
      );
      expectObservable(timer(5).pipe(map(() => [activity.cancel('2'), activity.cancel('2')]))).toBe(
        '-----(v|)',
        { v: [true, false] },
      );
      const late$ = timer(6).pipe(map(() => undefined));
      let seen: string[] = [];
      expectObservable(
        late$.pipe(
          map(() => {
            activity.news$.subscribe((news) => (seen = [...seen, news.kind])).unsubscribe();
            return seen;
          }),
        ),
      ).toBe('------(v|)', { v: ['operation', 'ended', 'operation', 'ended'] });
    });
  });
});
