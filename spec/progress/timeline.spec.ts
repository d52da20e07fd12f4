import fc from 'fast-check';
import {
  emptyTimeline,
  reduceTimeline,
  toTimelineHtml,
  toTimelineSvg,
  toTraceEvents,
  type ImageProgressEvent,
  type Timeline,
} from '../../src/progress/index.js';
import { layerDone, progressOf, resolvedImage } from '../support/progress-events.js';

const began = Date.parse('2024-05-06T07:08:09Z');

function timelineOf(...stamped: readonly [at: number, event: ImageProgressEvent][]): Timeline {
  return stamped.reduce(
    (timeline, [at, value]) => reduceTimeline(timeline, { value, timestamp: began + at }),
    emptyTimeline,
  );
}

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
  });

  it('write a page that loads nothing, with the numbers in a table', () => {
    const page = toTimelineHtml(pull);
    expect(page).toContain('<title>example.com/app:1: 1.9 s</title>');
    expect(page).toContain(
      '<tr><th scope="row">a</th><td>9.0 kB</td><td>10 ms</td><td>490 ms</td><td>18.4 kB/s</td><td>200 ms</td><td>700 ms</td></tr>',
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
