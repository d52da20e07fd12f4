import { formatBytes, formatRate } from './format.js';
import { escapeMarkup } from './markup.js';
import { formatDuration, titleOf, toTimelineSvg } from './timeline-svg.js';
import type { Timeline, TimelineLayer } from './timeline.js';

/**
 * A timeline as a page that stands alone: the waterfall, and what it shows as a table, for those
 * who read rather than look. It loads nothing and runs no script.
 */
export function toTimelineHtml(timeline: Timeline): string {
  const title = escapeMarkup(titleOf(timeline));
  const { began, images, layers } = timeline;
  const when = began === undefined ? '' : `<p class="quiet">${new Date(began).toISOString()}</p>`;
  const list = images.map(
    ({ reference, digest, ids }) =>
      `<li><code>${escapeMarkup(reference)}</code> <span class="quiet">${escapeMarkup(digest)}, ${ids.length} ${ids.length === 1 ? 'layer' : 'layers'}</span></li>`,
  );
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
${when}
<ul>${list.join('')}</ul>
<figure>${toTimelineSvg(timeline)}</figure>
<table>
<caption>Layers</caption>
<thead><tr><th scope="col">Layer</th><th scope="col">Size</th><th scope="col">Waited</th><th scope="col">Moved in</th><th scope="col">Rate</th><th scope="col">Extracting and waiting</th><th scope="col">Registered at</th></tr></thead>
<tbody>
${layers.map(tableRow).join('\n')}
</tbody>
</table>
</main>
</body>
</html>
`;
}

const style = `
:root { color-scheme: light dark }
body { margin: 0; font: 14px/1.5 system-ui, sans-serif; background: #ffffff; color: #1f2328 }
main { max-width: 1000px; margin: 0 auto; padding: 16px }
h1 { font-size: 20px; overflow-wrap: anywhere }
ul { padding-left: 20px; overflow-wrap: anywhere }
figure { margin: 0; overflow-x: auto }
figure .title { display: none }
figure svg { max-width: 100%; height: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding: 12px 0 4px }
th, td { text-align: right; padding: 4px 8px; border-bottom: 1px solid #d1d9e0 }
th:first-child, td:first-child { text-align: left; font-family: ui-monospace, monospace }
.quiet { color: #59636e }
@media (prefers-color-scheme: dark) {
  body { background: #0d1117; color: #f0f6fc }
  th, td { border-color: #3d444d }
  .quiet { color: #9198a1 }
}
`;

function tableRow(layer: TimelineLayer): string {
  const moving = timeIn(layer, 'Downloading', 'Pushing');
  const { size } = layer;
  const cells = [
    size === undefined ? '' : formatBytes(size),
    formatDuration(timeIn(layer, 'Waiting', 'Pulling fs layer', 'Preparing')),
    moving === 0 ? '' : formatDuration(moving),
    moving === 0 || size === undefined ? '' : formatRate((size / moving) * 1000),
    formatDuration(timeIn(layer, 'Extracting')),
    layer.done === undefined ? 'not yet' : formatDuration(layer.done),
  ];
  const rest = cells.map((cell) => `<td>${cell}</td>`).join('');
  return `<tr><th scope="row">${escapeMarkup(layer.id)}</th>${rest}</tr>`;
}

function timeIn({ spans }: TimelineLayer, ...phases: readonly string[]): number {
  return spans
    .filter(({ phase }) => phases.includes(phase))
    .reduce((sum, { begin, end }) => sum + end - begin, 0);
}
