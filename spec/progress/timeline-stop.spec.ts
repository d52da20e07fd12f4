import {
  emptyTimeline,
  reduceTimeline,
  stopTimeline,
  toTimelineHtml,
  toTimelineSvg,
  toTraceEvents,
  type Timeline,
} from '../../src/progress/index.js';
import { layerDone, progressOf, resolvedImage } from '../support/progress-events.js';
import { began, timelineOf } from '../support/timelines.js';

describe('stopTimeline', () => {
  const half = timelineOf(
    [0, resolvedImage({ abc: 9000, def: 4000, fed: 1 }, 'one')],
    [10, progressOf('abc', 'Downloading', { current: 0, total: 9000 })],
    [20, layerDone('fed')],
    [30, progressOf('def', 'Downloading', { current: 0, total: 4000 })],
  );
  const fates = ({ layers }: Timeline): unknown[] =>
    layers.map(({ id, spans, done, stopped }) => [id, spans.at(-1)?.end, stopped ?? done]);

  it('ends what is under way then, not when it was last heard of, and spares what is done', () => {
    const stopped = stopTimeline(half, { timestamp: began + 500, outcome: 'cancelled' });
    expect(fates(stopped)).toEqual([
      ['abc', 500, 'cancelled'],
      ['def', 500, 'cancelled'],
      ['fed', 20, 20],
    ]);
    expect(stopped.duration).toBe(500);
    expect(stopped.stops).toEqual([{ outcome: 'cancelled', at: 500 }]);
  });

  it('tells the layer that failed, by its digest, from those given up because of it', () => {
    const failed = { outcome: 'failed', message: 'no', digest: 'sha256:def0123' } as const;
    expect(fates(stopTimeline(half, { timestamp: began + 500, ...failed }))).toEqual([
      ['abc', 500, 'cancelled'],
      ['def', 500, 'failed'],
      ['fed', 20, 20],
    ]);
  });

  it('leaves layers to the images that go on with them, until these end as well', () => {
    const both = reduceTimeline(half, {
      timestamp: began + 100,
      value: resolvedImage({ def: 4000, bed: 1 }, 'two'),
    });
    const one = stopTimeline(both, {
      timestamp: began + 200,
      outcome: 'failed',
      reference: 'one',
    });
    expect(fates(one).map((fate) => (fate as unknown[])[2])).toEqual([
      'cancelled',
      undefined,
      20,
      undefined,
    ]);
    const all = stopTimeline(one, { timestamp: began + 300, outcome: 'cancelled' });
    expect(fates(all)).toEqual([
      ['abc', 200, 'cancelled'],
      ['def', 300, 'cancelled'],
      ['fed', 20, 20],
      ['bed', 300, 'cancelled'],
    ]);
    expect(all.stops?.map(({ at, reference }) => [at, reference])).toEqual([
      [200, 'one'],
      [300, undefined],
    ]);
  });

  it('lets a later image take up again what was given up', () => {
    const stopped = stopTimeline(half, {
      timestamp: began + 200,
      outcome: 'failed',
      reference: 'one',
    });
    const { layers } = [
      { timestamp: began + 300, value: resolvedImage({ abc: 9000 }, 'two') },
      { timestamp: began + 400, value: progressOf('abc', 'Downloading') },
    ].reduce(reduceTimeline, stopped);
    expect(layers[0]).toEqual({
      id: 'abc',
      size: 9000,
      spans: [
        { phase: 'Waiting', begin: 0, end: 10 },
        { phase: 'Downloading', begin: 10, end: 200, bytes: 0 },
        { phase: 'Waiting', begin: 200, end: 400 },
        { phase: 'Downloading', begin: 400, end: 400 },
      ],
    });
  });

  it('knows of a stop before anything was heard', () => {
    const stopped = stopTimeline(emptyTimeline, { timestamp: began, outcome: 'cancelled' });
    expect(stopped).toMatchObject({ began, duration: 0, layers: [] });
  });
});

describe('the writers of a timeline that was stopped', () => {
  it('say what failed, what was given up with it, when and why', () => {
    const going = timelineOf(
      [0, resolvedImage({ abc: 4000, def: 4000 })],
      [1, progressOf('abc', 'Downloading', { current: 3000, total: 4000 })],
      [2, progressOf('def', 'Downloading', { current: 4000, total: 4000 })],
    );
    const failed = stopTimeline(going, {
      timestamp: began + 500,
      outcome: 'failed',
      message: `<no> ${'such blob '.repeat(30)}`,
      digest: 'sha256:abc',
    });
    const svg = toTimelineSvg(failed);
    expect(svg).toContain('aria-label="example.com/app:1: 500 ms, failed"');
    expect(svg).toMatch(/<text class="bad"[^>]*>✕ failed<\/text>/);
    expect(svg).toMatch(/<text class="quiet"[^>]*>✕ cancelled<\/text>/);
    expect(svg).toMatch(/>Failed after 500 ms: &lt;no&gt; such blob .*…<\/text>/);
    expect(svg).not.toContain('not registered');
    expect(svg).not.toContain('>registered');
    const page = toTimelineHtml(failed);
    expect(page).toContain('<p class="bad">Failed after 500 ms: &lt;no&gt; such blob');
    expect(page).toContain('<td class="bad">failed</td>');
    expect(page).toContain('<td class="quiet">cancelled</td>');
  });

  it('count in the title which of several images failed', () => {
    const images = timelineOf(
      [0, resolvedImage({ a: 1 }, 'one')],
      [5, resolvedImage({ b: 2 }, 'two')],
    );
    const stopped = [
      { timestamp: began + 10, outcome: 'failed', reference: 'one' } as const,
      { timestamp: began + 20, outcome: 'cancelled' } as const,
    ].reduce(stopTimeline, images);
    expect(toTimelineSvg(stopped)).toContain('one and 1 more: 20 ms, 1 failed, cancelled');
    expect(toTimelineHtml(stopped)).toContain('<p class="bad">one: Failed after 10 ms</p>');
  });

  it("have an instant in Chrome's trace for what was given up, and for why", () => {
    const going = timelineOf([0, resolvedImage({ abc: 1, def: 2 })]);
    const { traceEvents } = JSON.parse(
      toTraceEvents(
        stopTimeline(going, {
          timestamp: began + 500,
          outcome: 'failed',
          message: 'no',
          digest: 'sha256:def',
        }),
      ),
    ) as { traceEvents: { ph: string }[] };
    expect(traceEvents.filter(({ ph }) => ph === 'i')).toEqual([
      expect.objectContaining({ s: 't', tid: 1, name: 'Cancelled', ts: 500_000 }),
      expect.objectContaining({ s: 't', tid: 2, name: 'Failed', ts: 500_000 }),
      expect.objectContaining({ s: 'p', name: 'Failed', ts: 500_000, args: { message: 'no' } }),
    ]);
  });
});
