import fc from 'fast-check';
import * as v from 'valibot';
import {
  emptyTimeline,
  stopTimeline,
  toTimelineHtml,
  toTimelineSvg,
  toTraceEvents,
  type Timeline,
} from '../../src/progress/index.js';
import { layerDone, progressOf, resolvedImage } from '../support/progress-events.js';
import { began, timelineOf } from '../support/timelines.js';

const pull = timelineOf(
  [0, resolvedImage({ a: 9000, b: 4000 }, 'example.com/app:1')],
  [10, progressOf('a', 'Downloading', { current: 0, total: 9000 })],
  [10, progressOf('b', 'Waiting')],
  [400, progressOf('a', 'Downloading', { current: 8000, total: 9000 })],
  [500, progressOf('a', 'Verifying Checksum')],
  [500, progressOf('a', 'Extracting')],
  [510, progressOf('b', 'Downloading', { current: 0, total: 4000 })],
  [700, progressOf('a', 'Pull complete')],
  [700, layerDone('a')],
  [710, progressOf('b', 'Retrying', { retryIn: 1 })],
  [1710, progressOf('b', 'Downloading', { current: 4000, total: 4000 })],
  [1900, progressOf('b', 'Pull complete')],
  [1900, layerDone('b')],
  [1950, { kind: 'result' }],
);

describe('reduceTimeline', () => {
  it('knows when each layer was in which phase', () => {
    expect(pull).toEqual({
      began,
      duration: 1950,
      images: [{ reference: 'example.com/app:1', digest: 'sha256:0123', ids: ['a', 'b'] }],
      layers: [
        {
          id: 'a',
          size: 9000,
          spans: [
            { phase: 'Waiting', begin: 0, end: 10 },
            { phase: 'Downloading', begin: 10, end: 500, bytes: 8000 },
            { phase: 'Verifying Checksum', begin: 500, end: 500 },
            { phase: 'Extracting', begin: 500, end: 700 },
            { phase: 'Pull complete', begin: 700, end: 700 },
          ],
          done: 700,
        },
        {
          id: 'b',
          size: 4000,
          spans: [
            { phase: 'Waiting', begin: 0, end: 510 },
            { phase: 'Downloading', begin: 510, end: 710, bytes: 0 },
            { phase: 'Retrying', begin: 710, end: 1710 },
            { phase: 'Downloading', begin: 1710, end: 1900, bytes: 4000 },
            { phase: 'Pull complete', begin: 1900, end: 1900 },
          ],
          done: 1900,
        },
      ],
    });
  });

  it('takes a layer that two images share as one, done when it first is', () => {
    const { images, layers } = timelineOf(
      [0, resolvedImage({ a: 1 }, 'one')],
      [5, resolvedImage({ a: 1, b: 2 }, 'two')],
      [7, layerDone('a')],
      [9, layerDone('a')],
    );
    expect(images.map(({ ids }) => ids)).toEqual([['a'], ['a', 'b']]);
    expect(layers.map(({ id, done }) => [id, done])).toEqual([
      ['a', 7],
      ['b', undefined],
    ]);
  });

  it('has spans without gaps, whatever comes and however the clock jumps', () => {
    const id = fc.constantFrom('a', 'b');
    const event = fc.oneof(
      id.map(layerDone),
      fc
        .tuple(id, fc.constantFrom('Waiting', 'Downloading', 'Extracting'))
        .map(([layer, phase]) => progressOf(layer, phase)),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: -50, max: 200 }), event)), (stamped) => {
        const { layers, duration } = timelineOf(...stamped);
        for (const { spans } of layers) {
          for (const [index, { begin, end }] of spans.entries()) {
            expect(begin).toBe(spans[index - 1]?.end ?? begin);
            expect(end).toBeGreaterThanOrEqual(begin);
            expect(end).toBeLessThanOrEqual(duration);
          }
        }
      }),
    );
  });
});

describe('the writers of a timeline', () => {
  it('write an SVG with a bar for each span that took time, and a tick where a layer is done', () => {
    const svg = toTimelineSvg(pull);
    expect(svg.match(/<title>.*?<\/title>/g)).toEqual([
      '<title>Waiting: 10 ms</title>',
      '<title>Downloading: 490 ms, 8.0 kB</title>',
      '<title>Extracting: 200 ms</title>',
      '<title>Waiting: 510 ms</title>',
      '<title>Downloading: 200 ms, 0 B</title>',
      '<title>Retrying: 1.0 s</title>',
      '<title>Downloading: 190 ms, 4.0 kB</title>',
    ]);
    // One more in the legend.
    expect(svg.match(/<rect class="done"/g)).toHaveLength(3);
    expect(svg).not.toContain('✕');
  });

  it('say of what is missing in the end that it is', () => {
    const failed = timelineOf(
      [0, resolvedImage({ a: 4000, b: 4000 })],
      [1, progressOf('a', 'Downloading', { current: 3000, total: 4000 })],
      [2, progressOf('b', 'Downloading', { current: 4000, total: 4000 })],
      [90_000, layerDone('b')],
      [90_000, progressOf('a', 'Retrying', { retryIn: 1 })],
      [120_000, progressOf('a', 'Downloading', { current: 3500, total: 4000 })],
    );
    const svg = toTimelineSvg(failed);
    expect(svg).toContain('✕ 2m</text>');
    expect(svg).toContain('>not registered</text>');
    const page = toTimelineHtml(failed);
    expect(page).toContain('<dt>Registered</dt><dd class="bad">1 of 2</dd>');
    expect(page).toContain('<dt>Moved</dt><dd>7.5 kB</dd>');
    expect(page).toContain('<dt>Retries</dt><dd>1</dd>');
    expect(page).toContain('<td class="bad">not registered</td>');
  });

  it('have a legend of what there is, and lines at round times', () => {
    const legendOf = (timeline: Timeline): string[] =>
      [...toTimelineSvg(timeline).matchAll(/<text class="quiet" x="[\d.]+" y="44">(.*?)</g)].map(
        ([, title = '']) => title,
      );
    expect(legendOf(pull)).toEqual([
      'waiting',
      'moving bytes',
      'retrying',
      'extracting, waiting for the layers below',
      'registered',
    ]);
    expect(legendOf(emptyTimeline)).toEqual([]);
    const linesOf = (duration: number): string[] =>
      [
        ...toTimelineSvg({ ...emptyTimeline, duration }).matchAll(/text-anchor="middle">(.*?)</g),
      ].map(([, text = '']) => text);
    expect(linesOf(184)).toEqual(['0', '50 ms', '100 ms', '150 ms']);
    expect(linesOf(59_949)).toEqual(['0', '10.0 s', '20.0 s', '30.0 s', '40.0 s', '50.0 s']);
    expect(linesOf(900_000)).toEqual(['0', '5m', '10m', '15m']);
    expect(linesOf(20_000_000)).toEqual(['0', '1h', '2h', '3h', '4h', '5h']);
  });

  it('have neither a bar nor a legend for the moment between the last phase and its being told', () => {
    const svg = toTimelineSvg(
      timelineOf(
        [0, resolvedImage({ a: 9000 })],
        [10, progressOf('a', 'Downloading', { current: 0, total: 9000 })],
        [90, progressOf('a', 'Pull complete')],
        [91, layerDone('a')],
      ),
    );
    expect(svg).toContain('<title>Downloading: 80 ms');
    expect(svg).not.toContain('Pull complete');
    expect(svg).not.toMatch(/>other</);
  });

  it('show a phase that nobody knows as another, whatever it is called', () => {
    const svg = toTimelineSvg(
      timelineOf([0, progressOf('a', 'constructor')], [50, progressOf('a', 'Extracting')]),
    );
    expect(svg).toContain('class="other"');
    expect(svg).toMatch(/>other</);
  });

  it('tell which images a layer belongs to, where there are several', () => {
    const shared = timelineOf(
      [0, resolvedImage({ a: 1 }, 'one')],
      [5, resolvedImage({ a: 1, b: 2 }, 'two')],
    );
    expect(toTimelineHtml(shared)).toContain('<tr><th scope="row">a</th><td>1, 2</td>');
    expect(toTimelineHtml(shared)).toContain('<tr><th scope="row">b</th><td>2</td>');
    expect(toTimelineHtml(pull)).not.toContain('>Images</th>');
  });

  it('write a page that loads nothing, with the numbers in a table', () => {
    const page = toTimelineHtml(pull);
    expect(page).toContain('<title>example.com/app:1: 1.9 s</title>');
    expect(page).toContain(
      '<tr><th scope="row">a</th><td>9.0 kB</td><td>10 ms</td><td>490 ms</td><td>18.4 kB/s</td><td></td><td>200 ms</td><td>700 ms</td></tr>',
    );
    expect(page).not.toMatch(/<script|<link|<img|(?:src|href)=/);
  });

  it('let no markup through that a registry could send', () => {
    const image = resolvedImage({ '<b>"&': 1 }, '<script>alert(1)</script>');
    const hostile = timelineOf(
      [0, image],
      [5, progressOf('<b>"&', '</title><script>')],
      [9, image],
    );
    for (const text of [toTimelineSvg(hostile), toTimelineHtml(hostile)]) {
      expect(text).not.toContain('<script');
      expect(text).not.toContain('<b>');
    }
  });

  // Trace Event Format, as chrome://tracing and Perfetto read it.
  it('write events that have all that their phase asks for', () => {
    const common = { name: v.string(), cat: v.string(), pid: v.number(), tid: v.number() };
    const microseconds = v.pipe(v.number(), v.integer(), v.minValue(0));
    const args = v.record(v.string(), v.union([v.string(), v.number()]));
    const event = v.variant('ph', [
      v.strictObject({ ...common, ph: v.literal('M'), ts: microseconds, args }),
      v.strictObject({ ...common, ph: v.literal('X'), ts: microseconds, dur: microseconds, args }),
      v.strictObject({
        ...common,
        ph: v.literal('i'),
        s: v.picklist(['t', 'p']),
        ts: microseconds,
        args,
      }),
    ]);
    const trace = v.strictObject({
      traceEvents: v.array(event),
      displayTimeUnit: v.literal('ms'),
      otherData: v.record(v.string(), v.union([v.string(), v.number()])),
    });
    const stopped = stopTimeline(pull, { timestamp: began, outcome: 'failed', message: 'no' });
    for (const timeline of [pull, emptyTimeline, stopped]) {
      const { traceEvents } = v.parse(trace, JSON.parse(toTraceEvents(timeline)));
      const threads = traceEvents.filter(({ name }) => name === 'thread_name');
      expect(threads).toHaveLength(timeline.layers.length);
    }
  });

  it("write Chrome's trace events, in microseconds", () => {
    const { traceEvents } = JSON.parse(toTraceEvents(pull)) as {
      traceEvents: { ph: string; tid: number; name: string; ts: number; dur?: number }[];
    };
    expect(traceEvents.filter(({ ph }) => ph === 'X' || ph === 'i')).toHaveLength(12);
    expect(traceEvents).toContainEqual(
      expect.objectContaining({ ph: 'X', tid: 1, name: 'Downloading', ts: 10_000, dur: 490_000 }),
    );
    expect(traceEvents).toContainEqual(
      expect.objectContaining({ ph: 'i', tid: 2, name: 'Registered', ts: 1_900_000 }),
    );
    expect(traceEvents).toContainEqual(
      expect.objectContaining({ ph: 'M', tid: 2, name: 'thread_name', args: { name: 'b' } }),
    );
  });

  it('write something of a pull that came to nothing', () => {
    expect(toTimelineSvg(emptyTimeline)).toContain('Nothing: 0 ms');
    expect(toTimelineHtml(emptyTimeline)).toContain('</html>');
    expect(JSON.parse(toTraceEvents(emptyTimeline))).toHaveProperty('traceEvents');
  });
});
