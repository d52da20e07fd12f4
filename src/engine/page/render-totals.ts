import { formatBytes, formatRate, formatSeconds } from '../../progress/index.js';
import { byID, make, reconcile, setText } from './elements.js';
import type { DashboardState } from './state.js';
import type { View } from './view.js';

const height = 60;
const width = 600;

/** Shows how far everything is together, and how fast. */
export function renderTotals(view: View, { slots }: DashboardState): void {
  const isMoving = view.operations.some(({ ended }) => ended === undefined);
  const left = isMoving ? view.total - view.current : 0;
  const rows: readonly (readonly [term: string, text: string])[] = [
    ['Moved', `${formatBytes(view.current)} of ${formatBytes(view.total)}`],
    ['Layers done', `${view.done} of ${view.layers}`],
    ['Rate', formatRate(view.rate)],
    ['Left', left > 0 && view.rate > 0 ? formatSeconds(left / view.rate) : '–'],
    ['Moving', String(slots?.active ?? 0)],
    ['Waiting', String(slots?.waiting ?? 0)],
  ];
  reconcile(
    byID('totals', HTMLDListElement),
    rows,
    ([term]) => term,
    ([term]) => {
      const group = make('div');
      group.append(make('dt', '', term), make('dd'));
      return group;
    },
    (group, [, text]) => {
      if (group.lastElementChild !== null) setText(group.lastElementChild, text);
    },
  );
  const whole = byID('whole', HTMLProgressElement);
  whole.max = Math.max(1, view.total);
  whole.value = view.total === 0 && view.done > 0 ? 1 : view.current;
  const share = Math.floor((whole.value / whole.max) * 100);
  document.title = isMoving ? `${share} % · rxfer` : 'rxfer';
  renderThroughput(view.throughput);
}

function renderThroughput(throughput: readonly number[]): void {
  const most = Math.max(...throughput);
  const svg = byID('throughput', SVGSVGElement);
  const path = svg.querySelector('path') ?? svg.appendChild(newPath());
  const points = throughput.map((bytes, index) => {
    const x = (index / (throughput.length - 1)) * width;
    return `${x.toFixed(1)} ${(height - (bytes / Math.max(1, most)) * (height - 4)).toFixed(1)}`;
  });
  path.setAttribute('d', `M0 ${height}L${points.join('L')}L${width} ${height}Z`);
  const text = `Throughput of the last minute, ${formatRate(most)} at most`;
  setText(byID('throughput-text', HTMLElement), text);
  svg.setAttribute('aria-label', text);
}

function newPath(): SVGPathElement {
  return document.createElementNS('http://www.w3.org/2000/svg', 'path');
}
