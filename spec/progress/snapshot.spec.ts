import fc from 'fast-check';
import {
  emptySnapshot,
  reduceProgress,
  type ImageProgressEvent,
  type ProgressSnapshot,
} from '../../src/progress/index.js';
import { layerDone, progressOf, resolvedImage } from '../support/progress-events.js';

function reduce(...events: readonly ImageProgressEvent[]): ProgressSnapshot {
  return events.reduce(reduceProgress, emptySnapshot);
}

describe('reduceProgress', () => {
  it('knows every layer and its size once the image is resolved', () => {
    expect(reduce(resolvedImage({ a: 10, b: 20 }))).toEqual({
      layers: [
        { id: 'a', phase: 'Waiting', text: 'Waiting', size: 10, done: false },
        { id: 'b', phase: 'Waiting', text: 'Waiting', size: 20, done: false },
      ],
      totals: { current: 0, total: 30, done: 0 },
    });
  });

  it('counts a layer whose bytes were too quick to be heard of', () => {
    const pulled: ImageProgressEvent = { kind: 'layer', id: 'a', status: 'pulled' };
    const existed: ImageProgressEvent = { kind: 'layer', id: 'b', status: 'exists' };
    const { totals } = reduce(resolvedImage({ a: 10, b: 20 }), pulled, existed);
    expect(totals).toEqual({ current: 10, total: 10, done: 2 });
  });

  it('counts a layer that was pushed too quickly to be heard of, and none that was there', () => {
    const { totals } = reduce(
      resolvedImage({ a: 10, b: 20, c: 40 }),
      ...['Preparing', 'Pushed'].map((phase) => progressOf('a', phase)),
      ...['Preparing', 'Layer already exists'].map((phase) => progressOf('b', phase)),
      ...['Preparing', 'Mounted from'].map((phase) => progressOf('c', phase)),
      ...['a', 'b', 'c'].map(layerDone),
    );
    expect(totals).toEqual({ current: 10, total: 10, done: 3 });
  });

  it('follows the bytes of a layer', () => {
    const { layers, totals } = reduce(
      resolvedImage({ a: 10, b: 20 }),
      progressOf('b', 'Downloading', { current: 5, total: 20 }),
    );
    expect(layers[1]).toEqual({
      id: 'b',
      phase: 'Downloading',
      text: 'Downloading',
      current: 5,
      total: 20,
      size: 20,
      moved: 5,
      done: false,
    });
    expect(totals).toEqual({ current: 5, total: 30, done: 0 });
  });

  it('keeps what was moved through the phases that move nothing', () => {
    const { layers, totals } = reduce(
      resolvedImage({ a: 10 }),
      progressOf('a', 'Downloading', { current: 10, total: 10 }),
      progressOf('a', 'Extracting'),
      progressOf('a', 'Pull complete'),
      layerDone('a'),
    );
    expect(layers).toEqual([
      { id: 'a', phase: 'Pull complete', text: 'Pull complete', size: 10, moved: 10, done: true },
    ]);
    expect(totals).toEqual({ current: 10, total: 10, done: 1 });
  });

  it('takes the bytes of a phase as moved once the next one begins, though the last were not told', () => {
    const begun = [
      resolvedImage({ a: 10 }),
      progressOf('a', 'Downloading', { current: 7, total: 10 }),
    ];
    expect(reduce(...begun, progressOf('a', 'Extracting')).totals.current).toBe(10);
    expect(reduce(...begun, layerDone('a')).totals.current).toBe(10);
    expect(reduce(...begun, progressOf('a', 'Retrying', { retryIn: 3 })).totals.current).toBe(7);
  });

  it('says how long until the next attempt', () => {
    const textOf = (retryIn: number): string | undefined =>
      reduce(progressOf('a', 'Retrying', { retryIn })).layers[0]?.text;
    expect(textOf(5)).toBe('Retrying in 5 seconds');
    expect(textOf(1)).toBe('Retrying in 1 second');
  });

  it('leaves layers that needed no moving out of the bytes', () => {
    const { totals } = reduce(
      resolvedImage({ a: 10, b: 20 }),
      progressOf('a', 'Already exists'),
      layerDone('a'),
    );
    expect(totals).toEqual({ current: 0, total: 20, done: 1 });
  });

  it('takes a layer that two images share as one', () => {
    const { layers, totals } = reduce(
      resolvedImage({ a: 10, b: 20 }),
      resolvedImage({ b: 20, c: 30 }),
      progressOf('b', 'Downloading', { current: 5, total: 20 }),
      progressOf('b', 'Downloading', { current: 5, total: 20 }),
    );
    expect(layers.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(totals).toEqual({ current: 5, total: 60, done: 0 });
  });

  it('opens a layer again that moves bytes once more', () => {
    const again = progressOf('a', 'Downloading', { current: 0, total: 10 });
    const { layers } = reduce(resolvedImage({ a: 10 }), layerDone('a'), again);
    expect(layers[0]?.done).toBe(false);
  });

  it('shows layers that it was told nothing of before', () => {
    expect(reduce(progressOf('x', 'Pushing', { current: 1 }))).toEqual({
      layers: [{ id: 'x', phase: 'Pushing', text: 'Pushing', current: 1, moved: 1, done: false }],
      totals: { current: 1, total: 1, done: 0 },
    });
  });

  it('never changes a snapshot that it gave out', () => {
    const before = reduce(resolvedImage({ a: 10 }));
    const copy = structuredClone(before);
    reduceProgress(before, progressOf('a', 'Downloading', { current: 3, total: 10 }));
    expect(before).toEqual(copy);
  });

  it('has totals that are the sums of its layers, whatever comes', () => {
    const id = fc.constantFrom('a', 'b', 'c');
    const event: fc.Arbitrary<ImageProgressEvent> = fc.oneof(
      id.map(layerDone),
      id.map((a) => progressOf(a, 'Waiting')),
      fc.tuple(id, fc.nat(100), fc.nat(100)).map(([a, one, other]) =>
        progressOf(a, 'Downloading', {
          current: Math.min(one, other),
          total: Math.max(one, other),
        }),
      ),
    );
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const { layers, totals } = reduce(...events);
        expect(new Set(layers.map((layer) => layer.id)).size).toBe(layers.length);
        expect(totals.done).toBe(layers.filter((layer) => layer.done).length);
        expect(totals.current).toBe(layers.reduce((sum, { moved }) => sum + (moved ?? 0), 0));
      }),
    );
  });
});

describe('an image that is waited for', () => {
  const retry = (reference: string, retryIn: number): ImageProgressEvent => ({
    kind: 'retry',
    reference,
    retryIn,
  });

  it('stands beside the layers until it is asked for again', () => {
    const waiting = reduce(resolvedImage({ a: 10 }), retry('one', 2), retry('two', 5));
    expect(waiting.retries).toEqual([
      { reference: 'one', retryIn: 2, text: 'Retrying in 2 seconds' },
      { reference: 'two', retryIn: 5, text: 'Retrying in 5 seconds' },
    ]);
    const next = [retry('one', 1), progressOf('a', 'Downloading'), retry('two', 0)];
    const later = next.reduce(reduceProgress, waiting);
    expect(later.retries).toEqual([{ reference: 'one', retryIn: 1, text: 'Retrying in 1 second' }]);
    expect(reduceProgress(later, retry('one', 0))).not.toHaveProperty('retries');
  });

  it('keeps its place while others wait too', () => {
    const { retries } = reduce(retry('one', 2), retry('two', 5), retry('one', 1));
    expect(retries?.map(({ reference }) => reference)).toEqual(['one', 'two']);
  });
});
