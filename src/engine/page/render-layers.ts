import { formatBytes, formatSeconds, phaseKind } from '../../progress/index.js';
import { byID, make, reconcile, setText } from './elements.js';
import type { Bar, LayerRow, View } from './view.js';

/** More would be too many to look at, and too much to draw. */
const maxRows = 500;

/** Shows the layers as a waterfall, a row each, whatever number of images share one. */
export function renderLayers(view: View): void {
  const duration = Math.max(1, view.end - view.begin);
  setText(
    byID('span', HTMLElement),
    view.rows.length === 0 ? '' : `over ${formatSeconds(duration / 1000)}`,
  );
  reconcile(
    byID('layers', HTMLTableSectionElement),
    view.rows.slice(0, maxRows),
    ({ id }) => id,
    newRow,
    (row, layer) => updateRow(row, layer, view.begin, duration),
  );
}

function newRow({ id }: LayerRow): HTMLElement {
  const row = make('tr');
  const head = make('th', '', id);
  head.scope = 'row';
  const time = make('td', 'time');
  time.append(make('div', 'track'));
  row.append(head, make('td', 'chips'), make('td', 'number'), make('td', 'phase'), time);
  return row;
}

function updateRow(row: HTMLElement, layer: LayerRow, begin: number, duration: number): void {
  const [, chips, size, phase, time] = row.children;
  const track = time?.firstElementChild;
  if (!chips || !size || !phase || !(track instanceof HTMLElement)) return;
  const { snapshot, sharedBy } = layer;
  row.classList.toggle('shared', sharedBy.length > 1);
  if (chips.textContent !== sharedBy.join('')) {
    chips.replaceChildren(...sharedBy.map((id) => make('span', 'chip', id)));
    const shared = `Shared by ${sharedBy.join(', ')}`;
    chips.setAttribute('title', sharedBy.length > 1 ? shared : `Of ${sharedBy.join('')}`);
  }
  setText(size, snapshot?.size === undefined ? '' : formatBytes(snapshot.size));
  setText(phase, phaseOf(layer));
  const place = (at: number): string => `${(((at - begin) / duration) * 100).toFixed(2)}%`;
  reconcile(
    track,
    barsOf(layer),
    ({ key }) => key,
    ({ className, title }) => {
      const bar = make('div', className);
      bar.title = title;
      return bar;
    },
    (bar, { from, to }) => {
      bar.style.left = place(from);
      if (to !== undefined) bar.style.width = `${(((to - from) / duration) * 100).toFixed(2)}%`;
    },
  );
}

const unfinished = { failed: 'Not finished', cancelled: 'Cancelled' } as const;

function phaseOf({ snapshot, outcome }: LayerRow): string {
  if (snapshot === undefined) return '';
  if (outcome !== undefined) return unfinished[outcome];
  const { text, current, total = snapshot.size } = snapshot;
  if (snapshot.done || current === undefined || !total) return text;
  return `${text} ${Math.floor((current / total) * 100)} %`;
}

interface DrawnBar {
  readonly key: string;
  readonly className: string;
  readonly title: string;
  readonly from: number;
  /** Absent for a mark of one moment. */
  readonly to?: number;
}

function barsOf({ bars, done }: LayerRow): DrawnBar[] {
  const drawn = bars.map(({ phase, begin, end }: Bar, index): DrawnBar => ({
    key: `${index} ${phase}`,
    className: `bar ${phaseKind(phase)}`,
    title: phase,
    from: begin,
    to: end,
  }));
  const left = drawn.filter(({ title }) => phaseKind(title) !== 'done');
  if (done === undefined) return left;
  return [...left, { key: 'done', className: 'mark', title: 'Registered', from: done }];
}
