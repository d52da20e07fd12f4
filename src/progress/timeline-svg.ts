import { formatBytes } from './format.js';
import { escapeMarkup } from './markup.js';
import type { Timeline, TimelineLayer, TimelineSpan } from './timeline.js';

const labels = 190;
const chart = 720;
const right = 90;
const top = 62;
const row = 24;
const bar = 14;
const width = labels + chart + right;

/** The phases that have a colour of their own, by what they are to whoever looks at them. */
const kinds = [
  { kind: 'waiting', title: 'waiting', phases: ['Waiting', 'Pulling fs layer', 'Preparing'] },
  { kind: 'moving', title: 'moving bytes', phases: ['Downloading', 'Pushing'] },
  { kind: 'retrying', title: 'retrying', phases: ['Retrying'] },
  { kind: 'extracting', title: 'extracting, waiting for the layers below', phases: ['Extracting'] },
] as const;

/**
 * A timeline as a picture: an SVG document with the waterfall of the layers, a row each, which
 * needs nothing from elsewhere. What a bar stands for is in its title.
 */
export function toTimelineSvg(timeline: Timeline): string {
  const { layers } = timeline;
  const height = top + layers.length * row + 28;
  const scale = chart / Math.max(1, timeline.duration);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeMarkup(titleOf(timeline))}">`,
    `<style>${style}</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="title" x="12" y="22">${escapeMarkup(titleOf(timeline))}</text>`,
    legend(),
    axis(timeline.duration, scale, height),
    ...layers.map((layer, index) => layerRow(layer, top + index * row, scale)),
    '</svg>\n',
  ].join('\n');
}

/** The images, or that there is none, and how long it took. */
export function titleOf({ images, duration }: Timeline): string {
  const [first] = images;
  const more = images.length > 1 ? ` and ${images.length - 1} more` : '';
  return `${first?.reference ?? 'Nothing'}${more}: ${formatDuration(duration)}`;
}

/** Milliseconds as `340 ms` or `12.3 s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

const style = `
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.id { font-family: ui-monospace, monospace }
.quiet { fill: #59636e }
.page { fill: #ffffff }
.grid { stroke: #d1d9e0 }
.waiting { fill: #c4ccd4 }
.moving { fill: #218bff }
.retrying { fill: #e16f24 }
.extracting { fill: #2da44e }
.other { fill: #8250df }
.done { fill: #1f2328 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .quiet { fill: #9198a1 }
  .page { fill: #0d1117 }
  .grid { stroke: #3d444d }
  .waiting { fill: #4d5661 }
  .done { fill: #f0f6fc }
}
`;

function legend(): string {
  const entries = [...kinds.slice(0, 3), { kind: 'done', title: 'registered' }, ...kinds.slice(3)];
  return entries
    .map(({ kind, title }, index) => {
      const x = labels + index * 118;
      const mark =
        kind === 'done'
          ? tick(x + 5, 35)
          : `<rect class="${kind}" x="${x}" y="35" width="10" height="10" rx="2"/>`;
      return `${mark}<text class="quiet" x="${x + 15}" y="44">${title}</text>`;
    })
    .join('\n');
}

/** About six lines, at round numbers of seconds. */
function axis(duration: number, scale: number, height: number): string {
  const step = roundStep(duration / 6);
  const lines: string[] = [];
  for (let at = 0; at <= duration; at += step) {
    const x = place(labels + at * scale);
    lines.push(
      `<path class="grid" d="M${x} ${top - 6}V${height - 24}"/><text class="quiet" x="${x}" y="${height - 9}" text-anchor="middle">${formatDuration(at)}</text>`,
    );
  }
  return lines.join('\n');
}

function roundStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, atLeast)));
  return power * ([1, 2, 5].find((factor) => factor * power >= atLeast) ?? 10);
}

function layerRow({ id, size, spans, done }: TimelineLayer, y: number, scale: number): string {
  const middle = y + row / 2 + 4;
  const sized = size === undefined ? '' : formatBytes(size);
  return [
    `<text class="id" x="12" y="${middle}">${escapeMarkup(id)}</text>`,
    `<text class="quiet" x="${labels - 12}" y="${middle}" text-anchor="end">${sized}</text>`,
    ...spans.filter(({ begin, end }) => end > begin).map((span) => spanBar(span, y, scale)),
    ...(done === undefined ? [] : [tick(labels + done * scale, y + (row - bar) / 2)]),
    `<text class="quiet" x="${place(labels + endOf(spans) * scale + 8)}" y="${middle}">${formatDuration(endOf(spans))}</text>`,
  ].join('\n');
}

function spanBar({ phase, begin, end, bytes }: TimelineSpan, y: number, scale: number): string {
  const moved = bytes === undefined ? '' : `, ${formatBytes(bytes)}`;
  const title = escapeMarkup(`${phase}: ${formatDuration(end - begin)}${moved}`);
  const x = place(labels + begin * scale);
  const long = place(Math.max(0.5, (end - begin) * scale));
  return `<rect class="${kindOf(phase)}" x="${x}" y="${y + (row - bar) / 2}" width="${long}" height="${bar}"><title>${title}</title></rect>`;
}

function tick(x: number, y: number): string {
  return `<rect class="done" x="${place(x)}" y="${y}" width="2" height="${bar}"/>`;
}

function kindOf(phase: string): string {
  return kinds.find(({ phases }) => phases.some((each) => each === phase))?.kind ?? 'other';
}

function endOf(spans: readonly TimelineSpan[]): number {
  return spans.at(-1)?.end ?? 0;
}

function place(pixels: number): number {
  return Math.round(pixels * 100) / 100;
}
