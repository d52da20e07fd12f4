import fc from 'fast-check';
import {
  emptySnapshot,
  formatBytes,
  formatRate,
  formatSeconds,
  reduceProgress,
  renderLines,
  type ImageProgressEvent,
  type ProgressSnapshot,
} from '../../src/progress/index.js';
import { layerDone, progressOf, resolvedImage } from '../support/progress-events.js';

function reduce(...events: readonly ImageProgressEvent[]): ProgressSnapshot {
  return events.reduce(reduceProgress, emptySnapshot);
}

const mixed = reduce(
  resolvedImage({ aaaaaaaaaaaa: 4e6, bbbbbbbbbbbb: 20e6, cccccccccccc: 3e6, dddddddddddd: 1e3 }),
  progressOf('aaaaaaaaaaaa', 'Already exists'),
  layerDone('aaaaaaaaaaaa'),
  progressOf('bbbbbbbbbbbb', 'Downloading', { current: 5e6, total: 20e6 }),
  progressOf('cccccccccccc', 'Downloading', { current: 1e6, total: 3e6 }),
  progressOf('cccccccccccc', 'Retrying', { retryIn: 3 }),
);
const measured: ProgressSnapshot = {
  layers: mixed.layers.map((layer) =>
    layer.current === undefined ? layer : { ...layer, rate: 2e6 },
  ),
  totals: { ...mixed.totals, rate: 2e6 },
};

describe('renderLines', () => {
  it('has a line per layer and one for the total', () => {
    expect(renderLines(measured, { columns: 100, color: 'none' })).toEqual([
      'aaaaaaaaaaaa  Already exists                                                      4.0 MB',
      'bbbbbbbbbbbb  Downloading             [=======>                     ]     5.0 MB/20.0 MB    2.0 MB/s',
      'cccccccccccc  Retrying in 3 seconds   [=========>                   ]      1.0 MB/3.0 MB',
      'dddddddddddd  Waiting                                                             1.0 kB',
      'Total         1 of 4 layers, 9s left  [=======>                     ]     6.0 MB/23.0 MB    2.0 MB/s',
    ]);
  });

  it.each([
    [77, 'Total         1/4, 14m 11s left       [=>    ]     6.0 MB/23.0 MB   20.0 kB/s'],
    [70, 'Total         1/4, 14m 11s left          6.0 MB/23.0 MB   20.0 kB/s'],
    [60, 'Total         1/4, 14m 11s left          6.0 MB/23.0 MB'],
    [40, 'Total         1/4, 14m 11s left'],
    [20, 'Total         1/4, 1'],
  ])('cuts off no number of bytes on %d columns', (columns, total) => {
    const slow = { ...measured, totals: { ...measured.totals, rate: 20_000 } };
    expect(renderLines(slow, { columns, color: 'none' }).at(-1)).toBe(total);
  });

  it('is never wider than the terminal, nor higher', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 2, max: 10 }),
        (columns, rows) => {
          const lines = renderLines(measured, { columns, rows, color: 'none' });
          expect(lines.length).toBeLessThanOrEqual(rows);
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
        },
      ),
    );
  });

  it('prefers layers that move where not all fit, and counts the others', () => {
    const lines = renderLines(mixed, { columns: 80, rows: 4, color: 'none' });
    expect(lines.map((line) => line.slice(0, 30).trimEnd())).toEqual([
      'bbbbbbbbbbbb  Downloading',
      'cccccccccccc  Retrying in 3 se',
      '2 more        1 done, 1 to go',
      'Total         1 of 4 layers',
    ]);
  });

  it('colours nothing unless asked', () => {
    // eslint-disable-next-line no-control-regex
    const escapes = /\u001b\[\d+m/g;
    const painted = renderLines(mixed, { columns: 80, color: 'ansi' });
    const plain = renderLines(mixed, { columns: 80, color: 'none' });
    expect(plain.join('')).not.toMatch(escapes);
    expect(painted.join('')).toMatch(escapes);
    expect(painted.map((line) => line.replace(escapes, ''))).toEqual(plain);
  });

  it('has a line for each image that is waited for, below the others or alone', () => {
    const retries = [{ reference: 'quay.io/app:v1', retryIn: 3, text: 'Retrying in 3 seconds' }];
    const lines = renderLines({ ...measured, retries }, { columns: 100, color: 'none' });
    expect(lines.at(-1)).toBe('quay.io/app:v1: Retrying in 3 seconds');
    expect(lines.slice(0, -1)).toEqual(renderLines(measured, { columns: 100, color: 'none' }));
    const alone = { ...emptySnapshot, retries };
    expect(renderLines(alone, { columns: 21, rows: 1, color: 'none' })).toEqual([
      'Retrying in 3 seconds',
    ]);
    const [painted] = renderLines(alone, { columns: 100, color: 'ansi' });
    expect(painted).toBe('\u001b[33mquay.io/app:v1: Retrying in 3 seconds\u001b[0m');
    for (const [rows, height] of [
      [1, 1],
      [2, 1],
      [3, 3],
      [9, 6],
    ] as const) {
      const room = { columns: 100, rows, color: 'none' as const };
      expect(renderLines({ ...measured, retries }, room)).toHaveLength(height);
    }
  });

  it('has nothing to show before a layer is known', () => {
    expect(renderLines(emptySnapshot, { columns: 80, color: 'none' })).toEqual([]);
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [12_345_678, '12.3 MB'],
    [5e15, '5.0 PB'],
    [5e18, '5000.0 PB'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('fits in eight characters below a thousand petabytes', () => {
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (bytes) => {
        expect(formatBytes(bytes)).toMatch(/^(?:\d{1,3}|\d{1,3}\.\d) [kMGTP]?B$/);
      }),
    );
  });
});

describe('formatRate and formatSeconds', () => {
  it('write a rate and the time left', () => {
    expect(formatRate(1500)).toBe('1.5 kB/s');
    expect([0.2, 59, 60, 3599, 3600, 7325].map(formatSeconds)).toEqual([
      '1s',
      '59s',
      '1m 0s',
      '59m 59s',
      '1h 0m',
      '2h 2m',
    ]);
  });
});
