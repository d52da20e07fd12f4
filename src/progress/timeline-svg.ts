import { formatBytes } from './format.js';
import { escapeMarkup } from './markup.js';
import {
  formatDuration,
  lookOf,
  looksOf,
  phaseKind,
  roundStep,
  type KindLook,
} from './timeline-phases.js';
import type { Timeline, TimelineLayer, TimelineSpan, TimelineStop } from './timeline.js';

const margin = 12;
const labels = 190;
const chart = 720;
const right = 90;
const legendLine = 40;
const top = 62;
const row = 24;
const bar = 14;
const width = labels + chart + right;
/** About as wide as a letter is. */
const letter = 6.4;
const cross = '✕';
const reasonLine = 20;
const longestReason = 150;

/**
 * A timeline as a picture: an SVG document with the waterfall of the layers, a row each, which
 * needs nothing from elsewhere. What a bar stands for is in its title.
 */
export function toTimelineSvg(timeline: Timeline): string {
  const { layers, stops = [] } = timeline;
  const bottom = top + layers.length * row + 28;
  const height = bottom + stops.length * reasonLine;
  const scale = chart / Math.max(1, timeline.duration);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeMarkup(titleOf(timeline))}">`,
    `<style>${style}</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="title" x="${margin}" y="22">${escapeMarkup(titleOf(timeline))}</text>`,
    legend(layers),
    axis(timeline.duration, scale, bottom),
    ...layers.map((layer, index) => layerRow(layer, top + index * row, scale)),
    ...stops.map((stop, index) => reason(stop, bottom + index * reasonLine + 8)),
    '</svg>\n',
  ].join('\n');
}

/** The images, or that there is none, how long it took, and whether it came to its end. */
export function titleOf({ images, duration, stops = [] }: Timeline): string {
  const [first] = images;
  const more = images.length > 1 ? ` and ${images.length - 1} more` : '';
  const failed = stops.filter(({ reference }) => reference !== undefined).length;
  const whole = stops.find(({ reference }) => reference === undefined);
  const outcomes = [
    ...(failed === 0 ? [] : [`, ${failed} failed`]),
    ...(whole === undefined ? [] : [`, ${whole.outcome}`]),
  ];
  return `${first?.reference ?? 'Nothing'}${more}: ${formatDuration(duration)}${outcomes.join('')}`;
}

/** What became of what, when, and why. */
export function stopText({ outcome, at, reference, message }: TimelineStop): string {
  const what = reference === undefined ? '' : `${reference}: `;
  const why = message === undefined ? '' : `: ${message}`;
  return `${what}${outcome === 'failed' ? 'Failed' : 'Cancelled'} after ${formatDuration(at)}${why}`;
}

/** Also those of the page that the picture stands in. */
const style = `
:root { --text: #1f2328; --page: #ffffff; --quiet: #59636e; --line: #d1d9e0; --bad: #cf222e; --waiting: #8c959f; --retrying: #d4590f; --verifying: #8250df }
@media (prefers-color-scheme: dark) {
  :root { --text: #f0f6fc; --page: #0d1117; --quiet: #9198a1; --line: #3d444d; --bad: #f85149; --waiting: #656c76; --retrying: #f0883e; --verifying: #a371f7 }
}
text { font: 12px system-ui, sans-serif; fill: var(--text) }
.title { font-size: 15px; font-weight: 600 }
.id { font-family: ui-monospace, monospace }
text.quiet { fill: var(--quiet) }
text.bad { fill: var(--bad) }
.page { fill: var(--page) }
.grid { stroke: var(--line) }
.waiting { fill: var(--waiting) }
.moving { fill: #218bff }
.retrying { fill: var(--retrying) }
.verifying { fill: var(--verifying) }
.extracting { fill: #2da44e }
.other { fill: #bf3989 }
.done { fill: var(--text) }
@media print { rect { print-color-adjust: exact } }
`;

/** What the colours stand for, of those that there are. */
function legend(layers: readonly TimelineLayer[]): string {
  const phases = layers.flatMap(({ spans }) => spans.filter(isDrawn).map(({ phase }) => phase));
  const registered = layers.filter(({ done }) => done !== undefined).length;
  const missing = layers.filter(({ done, stopped }) => (done ?? stopped) === undefined).length;
  const y = legendLine + 4;
  let x = margin;
  const entry = (title: string, drawn: string): string => {
    const text = `${drawn}<text class="quiet" x="${x + 15}" y="${y}">${title}</text>`;
    x += 35 + title.length * letter;
    return text;
  };
  const entries = looksOf(phases).map((look) => entry(look.title, mark(look, x, 10, legendLine)));
  if (registered > 0) entries.push(entry('registered', tick(x + 4, legendLine)));
  if (missing > 0) {
    entries.push(entry('not registered', `<text class="bad" x="${x}" y="${y}">${cross}</text>`));
  }
  return entries.join('\n');
}

/** About six lines, at round numbers of seconds. */
function axis(duration: number, scale: number, height: number): string {
  const step = roundStep(duration / 6);
  const lines: string[] = [];
  for (let at = 0; at <= duration; at += step) {
    const x = place(labels + at * scale);
    lines.push(
      `<path class="grid" d="M${x} ${top - 6}V${height - 24}"/><text class="quiet" x="${x}" y="${height - 9}" text-anchor="middle">${at === 0 ? '0' : formatDuration(at)}</text>`,
    );
  }
  return lines.join('\n');
}

function layerRow(layer: TimelineLayer, y: number, scale: number): string {
  const { id, size, spans, done, stopped } = layer;
  const middle = y + row / 2;
  const sized = size === undefined ? '' : formatBytes(size);
  const end = endOf(spans);
  const outcome = stopped ?? formatDuration(end);
  const sign = done === undefined ? `${cross} ` : '';
  const isBad = done === undefined && stopped !== 'cancelled';
  return [
    `<text class="id" x="${margin}" y="${middle + 4}">${escapeMarkup(id)}</text>`,
    `<text class="quiet" x="${labels - margin}" y="${middle + 4}" text-anchor="end">${sized}</text>`,
    ...spans.filter(isDrawn).map((span) => spanBar(span, middle, scale)),
    ...(done === undefined ? [] : [tick(labels + done * scale, middle)]),
    `<text class="${isBad ? 'bad' : 'quiet'}" x="${place(labels + end * scale + 8)}" y="${middle + 4}">${sign}${outcome}</text>`,
  ].join('\n');
}

function reason(stop: TimelineStop, y: number): string {
  const text = stopText(stop);
  const shown = text.length > longestReason ? `${text.slice(0, longestReason)}…` : text;
  return `<text class="reason bad" x="${margin}" y="${y}"><title>${escapeMarkup(text)}</title>${escapeMarkup(shown)}</text>`;
}

function spanBar({ phase, begin, end, bytes }: TimelineSpan, y: number, scale: number): string {
  const moved = bytes === undefined ? '' : `, ${formatBytes(bytes)}`;
  const title = escapeMarkup(`${phase}: ${formatDuration(end - begin)}${moved}`);
  const long = Math.max(0.5, (end - begin) * scale);
  return mark(lookOf(phase), labels + begin * scale, long, y, `<title>${title}</title>`);
}

function mark(
  { kind, height = bar }: KindLook,
  x: number,
  long: number,
  middle: number,
  content = '',
): string {
  const y = middle - height / 2;
  return `<rect class="${kind}" x="${place(x)}" y="${y}" width="${place(long)}" height="${height}">${content}</rect>`;
}

function tick(x: number, middle: number): string {
  return `<rect class="done" x="${place(x)}" y="${middle - bar / 2 - 1}" width="2" height="${bar + 2}"/>`;
}

/** Of what is done, its tick tells. */
function isDrawn({ phase, begin, end }: TimelineSpan): boolean {
  return end > begin && phaseKind(phase) !== 'done';
}

function endOf(spans: readonly TimelineSpan[]): number {
  return spans.at(-1)?.end ?? 0;
}

function place(pixels: number): number {
  return Math.round(pixels * 100) / 100;
}
