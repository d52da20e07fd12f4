import { plotSvg } from './plot.js';
import { renderInto } from './render.js';
import {
  withComparison,
  withFigures,
  type Circumstances,
  type Comparison,
  type Figures,
  type Results,
} from './results.js';

const measured: Circumstances = { date: '2026-01-02', machine: '2 × fast', versions: { a: '1.2' } };
const cost = (wall: number): { wall: number; cpu: number; memory: number } => ({
  wall,
  cpu: 2 * wall,
  memory: 5e7,
});
const comparison: Comparison = {
  scenario: 'pull',
  image: 'programs',
  link: 'loopback',
  title: 'Pull to blobs',
  imageTitle: '12 layers',
  rows: [
    { name: 'skopeo', against: [], cost: cost(2000), walls: [2000] },
    { name: 'rxfer', against: ['skopeo', 'absent'], cost: cost(1500), walls: [1500] },
  ],
  absent: [{ name: 'ctr', reason: 'not installed' }],
  runs: 1,
  measured,
};
const figures: Figures = {
  name: 'growth',
  title: 'Growth',
  columns: ['files', 'ms'],
  lines: [[1000, 12.345]],
  plot: 'growth.svg',
  command: 'npm run bench:growth',
  measured,
};
const nothing: Results = { comparisons: [], figures: [] };

describe('the page of results', () => {
  const page = 'before\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n';
  const text = renderInto(page, withFigures(withComparison(nothing, comparison), figures));

  it('keeps what is around the markers, and replaces what is between them', () => {
    expect(text).toMatch(/^before\n<!-- measured: begin -->\n\n### Pull to blobs\n/);
    expect(text).toMatch(/\n\n<!-- measured: end -->\nafter\n$/);
    expect(text).not.toContain('old');
    expect(renderInto(text, nothing)).not.toContain('skopeo');
    expect(() => renderInto('no markers', nothing)).toThrow('lacks');
  });

  it('shows each row with its ratios to the peers that took part', () => {
    const row = text.split('\n').find((each) => each.startsWith('| rxfer'));
    const cells = row?.split('|').map((each) => each.trim());
    expect(cells?.slice(1, -1)).toEqual([
      'rxfer',
      '1,500 ms',
      '3,000 ms',
      '50 MB',
      '0.75, 0.75 of skopeo',
    ]);
    expect(text).toContain('Left out: ctr (not installed).');
  });

  it('says where, when and how', () => {
    expect(text).toContain('2026-01-02, `npm run bench -- pull --image programs --runs 1`');
    expect(text.match(/- 2 × fast; a 1\.2/g)).toHaveLength(1);
    expect(text).toContain('![Growth](growth.svg)');
    expect(text).toContain('| 1,000 | 12.3 |');
  });
});

describe('results that are measured again', () => {
  it('take the place of those of the same scenario, image and link', () => {
    const again = { ...comparison, runs: 7 };
    const slow = { ...comparison, link: 'slow' as const };
    const all = [comparison, slow, again].reduce(withComparison, nothing);
    expect(all.comparisons).toEqual([again, slow]);
    expect(withFigures(withFigures(all, figures), figures).figures).toEqual([figures]);
  });
});

describe('a plot', () => {
  const points = [
    [1, 10],
    [10, 100],
    [100, 1000],
  ] as const;
  const svg = plotSvg({ title: 'a < b', x: 'n', y: 'ms', series: [{ name: 'wall', points }] });

  it('puts what grows in proportion on a straight line, between its axes', () => {
    expect(svg).toContain('points="72,340 344,192 616,44"');
    expect(svg).toMatch(/class="proportional" x1="72" y1="340" x2="616" y2="44"/);
  });

  it('follows the scheme of its reader, and escapes its texts', () => {
    expect(svg).toContain('@media (prefers-color-scheme:dark)');
    expect(svg).toContain('<title>a &lt; b</title>');
  });
});
