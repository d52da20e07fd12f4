/** A line of points. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What a plot shows. */
export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** At most four, of numbers above zero. */
  readonly series: readonly Series[];
}

const [width, height] = [640, 400];
const area = { left: 72, right: 616, top: 44, bottom: 340 };

/** Colours that differ in lightness too, for a light page and for a dark one. */
const colours = [
  ['#0b62c4', '#6cb2ff'],
  ['#b3400e', '#ffa66b'],
  ['#1f7a3d', '#7fd69a'],
  ['#6b3fa0', '#c9a8f5'],
] as const;

/**
 * Draws lines over two logarithmic axes as an SVG file. What grows in proportion is a straight line
 * as steep as the dashed one. The colours follow the reader's light or dark scheme.
 */
export function plotSvg({ title, x, y, series }: Plot): string {
  const points = series.flatMap((each) => each.points);
  const across = axis(
    points.map(([value]) => value),
    area.left,
    area.right,
  );
  const up = axis(
    points.map(([, value]) => value),
    area.bottom,
    area.top,
  );
  const center = (area.left + area.right) / 2;
  const middle = (area.top + area.bottom) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<style>${style()}</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    text(area.left, 24, 'start', title, 'title'),
    ...across.ticks.map(
      (value) =>
        line(across.at(value), area.top, across.at(value), area.bottom, 'grid') +
        text(across.at(value), area.bottom + 18, 'middle', short(value)),
    ),
    ...up.ticks.map(
      (value) =>
        line(area.left, up.at(value), area.right, up.at(value), 'grid') +
        text(area.left - 8, up.at(value) + 4, 'end', short(value)),
    ),
    text(center, area.bottom + 40, 'middle', x),
    `<g transform="rotate(-90 18 ${middle})">${text(18, middle, 'middle', y)}</g>`,
    ...proportional(series[0], across, up),
    ...series.map(({ points }, index) => drawn(points, index, across, up)),
    ...series.map(({ name }, index) =>
      text(area.left + 10 + index * 130, height - 6, 'start', `● ${name}`, `name-${index}`),
    ),
    '</svg>',
    '',
  ].join('\n');
}

interface Axis {
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** From the power of ten below the least to the one above the most. */
function axis(values: readonly number[], from: number, to: number): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)),
    at: (value) => round(from + ((Math.log10(value) - low) / (high - low)) * (to - from)),
  };
}

function drawn(points: Series['points'], index: number, across: Axis, up: Axis): string {
  const places = points.map(([px, py]) => [across.at(px), up.at(py)] as const);
  const path = places.map(([px, py]) => `${px},${py}`).join(' ');
  const dots = places.map(
    ([px, py]) => `<circle class="dot-${index}" cx="${px}" cy="${py}" r="3"/>`,
  );
  return `<polyline class="line-${index}" points="${path}"/>${dots.join('')}`;
}

/** What proportion to the last point of the first line would look like, within the axes. */
function proportional(first: Series | undefined, across: Axis, up: Axis): string[] {
  const last = first?.points.at(-1);
  const begin = first?.points[0];
  const floor = up.ticks[0];
  if (last === undefined || begin === undefined || floor === undefined) return [];
  const from = Math.max(begin[0], (last[0] * floor) / last[1]);
  const value = (last[1] * from) / last[0];
  return [line(across.at(from), up.at(value), across.at(last[0]), up.at(last[1]), 'proportional')];
}

function style(): string {
  const rules = (dark: 0 | 1): string =>
    colours
      .map(
        (pair, index) =>
          `.line-${index}{stroke:${pair[dark]}}.dot-${index},.name-${index}{fill:${pair[dark]}}`,
      )
      .join('');
  const lines = colours.map((_, index) => `.line-${index}`).join(',');
  return [
    'text{font:12px system-ui,sans-serif;fill:#1c1f23}.title{font-size:15px;font-weight:600}',
    `.page{fill:#fff}.grid{stroke:#d5d9de}${lines}{fill:none;stroke-width:2}`,
    '.proportional{stroke:#7a828c;stroke-dasharray:5 5}',
    rules(0),
    '@media (prefers-color-scheme:dark){text{fill:#e6e8eb}.page{fill:#15181c}.grid{stroke:#343a41}',
    `${rules(1)}}`,
  ].join('');
}

function text(x: number, y: number, anchor: string, content: string, name?: string): string {
  const kind = name === undefined ? '' : ` class="${name}"`;
  return `<text${kind} x="${x}" y="${y}" text-anchor="${anchor}">${escape(content)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, name: string): string {
  return `<line class="${name}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
}

function short(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  if (value >= 1e3) return `${value / 1e3}k`;
  return String(Number(value.toPrecision(1)));
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
