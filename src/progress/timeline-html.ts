import { formatBytes, formatRate } from './format.js';
import { escapeMarkup } from './markup.js';
import { formatDuration, phaseKind, type PhaseKind } from './timeline-phases.js';
import { stopText, titleOf, toTimelineSvg } from './timeline-svg.js';
import type { Timeline, TimelineImage, TimelineLayer, TimelineSpan } from './timeline.js';

/**
 * A timeline as a page that stands alone: the waterfall, and what it shows as a table, for those
 * who read rather than look. It loads nothing and runs no script.
 */
export function toTimelineHtml(timeline: Timeline): string {
  const title = escapeMarkup(titleOf(timeline));
  const { began, images, layers, stops = [] } = timeline;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${began === undefined ? '' : beganAt(began)}
<ol>${images.map(imageItem).join('\n')}</ol>
${stops.map((stop) => `<p class="bad">${escapeMarkup(stopText(stop))}</p>`).join('\n')}
<dl>${totals(timeline).map(totalItem).join('\n')}</dl>
<h2 id="waterfall">Waterfall</h2>
<figure class="scroll" tabindex="0" role="region" aria-labelledby="waterfall">${toTimelineSvg(timeline)}</figure>
<h2 id="layers">Layers</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="layers">
<table aria-labelledby="layers">
<thead><tr><th scope="col">Layer</th>${sharing(images, '<th scope="col">Images</th>')}<th scope="col">Size</th><th scope="col">Waited</th><th scope="col">Moved in</th><th scope="col">Rate</th><th scope="col">Retries</th><th scope="col">Extracting and waiting</th><th scope="col">Registered at</th></tr></thead>
<tbody>
${layers.map((layer) => tableRow(layer, images)).join('\n')}
</tbody>
</table>
</div>
</main>
</body>
</html>
`;
}

/** The colours are those of the picture. */
const style = `
:root { color-scheme: light dark }
body { margin: 0; font: 14px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; background: var(--page); color: var(--text) }
main { max-width: 1000px; margin: 0 auto; padding: 16px }
h1 { font-size: 20px; margin: 8px 0; overflow-wrap: anywhere }
h2 { font-size: 15px; margin: 20px 0 4px }
ol { padding-left: 24px; overflow-wrap: anywhere }
dl { display: flex; flex-wrap: wrap; gap: 4px 32px; margin: 12px 0 }
dt { color: var(--quiet) }
p, figure, dd { margin: 0 }
dd { font-size: 18px }
figure .title, figure .reason { display: none }
figure svg { display: block; min-width: 720px; width: 100%; height: auto; margin-top: -22px }
.scroll { overflow-x: auto }
.scroll:focus-visible { outline: 2px solid var(--quiet) }
table { border-collapse: collapse; width: 100% }
th, td { text-align: right; padding: 4px 8px; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child { text-align: left }
tbody th { font: 13px ui-monospace, monospace }
.quiet { color: var(--quiet) }
.bad { color: var(--bad) }
@media print {
  main { max-width: none; padding: 0 }
  .scroll { overflow: hidden }
  figure svg { min-width: 0 }
  table, tbody th { font-size: 11px }
  th, td { padding: 2px 6px }
  thead th { white-space: normal }
  tr { break-inside: avoid }
}
`;

function beganAt(began: number): string {
  const iso = new Date(began).toISOString();
  const shown = iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC');
  return `<p class="quiet"><time datetime="${iso}">${shown}</time></p>`;
}

function imageItem({ reference, digest, ids }: TimelineImage): string {
  const count = `${ids.length} ${ids.length === 1 ? 'layer' : 'layers'}`;
  return `<li><code>${escapeMarkup(reference)}</code> <span class="quiet">${escapeMarkup(digest)}, ${count}</span></li>`;
}

function totals({
  duration,
  layers,
}: Timeline): [term: string, text: string, attribute?: string][] {
  const done = layers.filter((layer) => layer.done !== undefined).length;
  const bytes = layers.reduce((sum, layer) => sum + movedBy(layer), 0);
  const retries = layers.reduce((sum, layer) => sum + retriesOf(layer), 0);
  return [
    ['Time', formatDuration(duration)],
    ['Registered', `${done} of ${layers.length}`, done < layers.length ? ' class="bad"' : ''],
    ['Moved', formatBytes(bytes)],
    ['Rate', formatRate((bytes / Math.max(1, duration)) * 1000)],
    ['Retries', String(retries)],
  ];
}

function totalItem([term, text, attribute = '']: ReturnType<typeof totals>[number]): string {
  return `<div><dt>${term}</dt><dd${attribute}>${text}</dd></div>`;
}

function tableRow(layer: TimelineLayer, images: readonly TimelineImage[]): string {
  const moving = timeIn(layer, 'moving');
  const { size } = layer;
  const retries = retriesOf(layer);
  const numbers = images.flatMap(({ ids }, index) => (ids.includes(layer.id) ? index + 1 : []));
  const cells = [
    size === undefined ? '' : formatBytes(size),
    formatDuration(timeIn(layer, 'waiting')),
    moving === 0 ? '' : formatDuration(moving),
    moving === 0 ? '' : formatRate((movedBy(layer) / moving) * 1000),
    retries === 0 ? '' : String(retries),
    formatDuration(timeIn(layer, 'extracting')),
  ].map((cell) => `<td>${cell}</td>`);
  const done =
    layer.done === undefined
      ? `<td class="${layer.stopped === 'cancelled' ? 'quiet' : 'bad'}">${layer.stopped ?? 'not registered'}</td>`
      : `<td>${formatDuration(layer.done)}</td>`;
  const shared = sharing(images, `<td>${numbers.join(', ')}</td>`);
  return `<tr><th scope="row">${escapeMarkup(layer.id)}</th>${shared}${cells.join('')}${done}</tr>`;
}

/** One image shares with none. */
function sharing(images: readonly TimelineImage[], cell: string): string {
  return images.length > 1 ? cell : '';
}

/** Of a layer that was fetched, all of it; else the most that was told of. */
function movedBy(layer: TimelineLayer): number {
  const { size, done } = layer;
  const moving = spansIn(layer, 'moving');
  const told = Math.max(0, ...moving.map(({ bytes = 0 }) => bytes));
  return moving.length > 0 && done !== undefined ? (size ?? told) : told;
}

function retriesOf(layer: TimelineLayer): number {
  return spansIn(layer, 'retrying').length;
}

function timeIn(layer: TimelineLayer, kind: PhaseKind): number {
  return spansIn(layer, kind).reduce((sum, { begin, end }) => sum + end - begin, 0);
}

function spansIn({ spans }: TimelineLayer, kind: PhaseKind): readonly TimelineSpan[] {
  return spans.filter(({ phase }) => phaseKind(phase) === kind);
}
