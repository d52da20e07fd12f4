import { formatBytes, formatRate, formatSeconds } from './format.js';
import type { LayerSnapshot, ProgressSnapshot, RetrySnapshot } from './snapshot.js';

/** What {@link renderLines} draws for. */
export interface RenderOptions {
  /** Width of the terminal, in characters. No line is longer. */
  readonly columns: number;
  /** Height, in lines: more layers than fit become a summary. Default: any number. */
  readonly rows?: number;
  /** Whether the lines may carry ANSI colours. */
  readonly color: 'ansi' | 'none';
}

/**
 * A snapshot as lines for a terminal: one per layer with id, phase, bar, bytes and rate, and one
 * for the total, with the time left, and one for each image that is waited for. Where they find no room, bars go first, then rates, then
 * bytes. Pure.
 */
export function renderLines(snapshot: ProgressSnapshot, options: RenderOptions): string[] {
  const { rows = Infinity } = options;
  const retries = (snapshot.retries ?? []).slice(0, rows).map((retry) => drawRetry(retry, options));
  // Layers and their total give way to what holds up all that is to come.
  const left = rows - retries.length;
  if (snapshot.layers.length === 0 || (retries.length > 0 && left < 2)) return retries;
  return [...layerLines(snapshot, { ...options, rows: left }), ...retries];
}

function layerLines(snapshot: ProgressSnapshot, options: RenderOptions): string[] {
  const { shown, hidden } = fitRows(snapshot.layers, options.rows);
  const layers = [...shown.map(layerRow), ...(hidden.length === 0 ? [] : [hiddenRow(hidden)])];
  const long = [...layers, totalRow(snapshot, 'long')];
  const widths = columnWidths(long, options.columns);
  if (widths.bar > 0) return long.map((row) => drawRow(row, widths, options));
  const short = [...layers, totalRow(snapshot, 'short')];
  const narrow = columnWidths(short, options.columns);
  return short.map((row) => drawRow(row, narrow, options));
}

/** An image's name may be long: the line has no columns, and keeps its end. */
function drawRetry({ reference, text }: RetrySnapshot, { columns, color }: RenderOptions): string {
  const line = `${reference}: ${text}`.slice(-columns);
  return color === 'ansi' ? paint('retrying', line) : line;
}

type Style = 'plain' | 'done' | 'waiting' | 'retrying' | 'total';

/** The cells of a line, from left to right. */
interface Row {
  readonly style: Style;
  readonly name: string;
  readonly text: string;
  /** From 0 to 1, where there is a bar. */
  readonly share?: number;
  readonly bytes: string;
  readonly rate: string;
}

/** Of a column that finds no room: 0. */
interface Widths {
  readonly columns: number;
  readonly name: number;
  readonly text: number;
  readonly bar: number;
  readonly bytes: number;
  readonly rate: number;
}

const gap = '  ';
const narrowestBar = 8;
const widestBar = 42;
/** Wide enough from the start for what comes later, so that columns don't jump. */
const usualText = 'Retrying in 10 seconds'.length;
const usualBytes = '100.0 MB/100.0 MB'.length;
const usualRate = '100.0 MB/s'.length;

function layerRow(layer: LayerSnapshot): Row {
  const { id, text, size, moved, rate, done } = layer;
  const share = done || moved === undefined ? undefined : shareOf(moved, size);
  return {
    style: styleOf(layer),
    name: id,
    text,
    ...(share === undefined || share === 1 ? {} : { share }),
    bytes: bytesText(layer),
    rate: rate === undefined ? '' : formatRate(rate),
  };
}

function styleOf({ done, phase, moved }: LayerSnapshot): Style {
  if (done) return 'done';
  if (phase === 'Retrying') return 'retrying';
  return moved === undefined ? 'waiting' : 'plain';
}

function bytesText({ done, moved, size }: LayerSnapshot): string {
  if (size === undefined) return moved === undefined ? '' : formatBytes(moved);
  if (done || moved === undefined || moved === size) return formatBytes(size);
  return `${formatBytes(moved)}/${formatBytes(size)}`;
}

function shareOf(current: number, total: number | undefined): number | undefined {
  if (total === undefined) return undefined;
  return total === 0 ? 1 : Math.min(1, current / total);
}

function totalRow({ layers, totals }: ProgressSnapshot, form: 'long' | 'short'): Row {
  const { current, total, rate, done } = totals;
  const unit = layers.length === 1 ? 'layer' : 'layers';
  const counts =
    form === 'long' ? `${done} of ${layers.length} ${unit}` : `${done}/${layers.length}`;
  const left = rate === undefined || rate === 0 ? undefined : (total - current) / rate;
  return {
    style: 'total',
    name: 'Total',
    text: left === undefined || left < 1 ? counts : `${counts}, ${formatSeconds(left)} left`,
    ...(total === 0 ? {} : { share: Math.min(1, current / total) }),
    bytes: total === 0 ? '' : `${formatBytes(current)}/${formatBytes(total)}`,
    rate: rate === undefined || current === total ? '' : formatRate(rate),
  };
}

function hiddenRow(hidden: readonly LayerSnapshot[]): Row {
  const done = hidden.filter((layer) => layer.done).length;
  const rest = hidden.length - done;
  const counts = [...(done > 0 ? [`${done} done`] : []), ...(rest > 0 ? [`${rest} to go`] : [])];
  return {
    style: 'waiting',
    name: `${hidden.length} more`,
    text: counts.join(', '),
    bytes: '',
    rate: '',
  };
}

/** Prefers layers that move, then those that wait, then those that are done; keeps their order. */
function fitRows(
  layers: readonly LayerSnapshot[],
  rows = Infinity,
): { shown: readonly LayerSnapshot[]; hidden: readonly LayerSnapshot[] } {
  if (layers.length + 1 <= rows) return { shown: layers, hidden: [] };
  const byNews = [...layers].sort((one, other) => interest(other) - interest(one));
  const chosen = new Set(byNews.slice(0, Math.max(0, rows - 2)));
  return {
    shown: layers.filter((layer) => chosen.has(layer)),
    hidden: layers.filter((layer) => !chosen.has(layer)),
  };
}

function interest({ done, moved }: LayerSnapshot): number {
  if (done) return 0;
  return moved === undefined ? 1 : 2;
}

function columnWidths(rows: readonly Row[], columns: number): Widths {
  const widest = (cell: (row: Row) => string, least: number): number =>
    Math.max(least, ...rows.map((row) => cell(row).length));
  const name = widest((row) => row.name, 0);
  const text = widest((row) => row.text, usualText);
  const bytes = widest((row) => row.bytes, usualBytes);
  const rate = widest((row) => row.rate, usualRate);
  const left = columns - name - gap.length - text;
  // A number that is cut off would be another one.
  const fits = (width: number): boolean => width <= left;
  const numbers = gap.length + bytes + gap.length + rate;
  if (!fits(gap.length + bytes)) return { columns, name, text, bar: 0, bytes: 0, rate: 0 };
  if (!fits(numbers)) return { columns, name, text, bar: 0, bytes, rate: 0 };
  const free = left - numbers - gap.length;
  const bar = free < narrowestBar ? 0 : Math.min(free, widestBar);
  return { columns, name, text, bar, bytes, rate };
}

function drawRow(row: Row, widths: Widths, { color }: RenderOptions): string {
  const cells: string[] = [row.name.padEnd(widths.name), row.text.padEnd(widths.text)];
  if (widths.bar > 0) cells.push(drawBar(row.share, widths.bar));
  if (widths.bytes > 0) cells.push(row.bytes.padStart(widths.bytes));
  if (widths.rate > 0) cells.push(row.rate.padStart(widths.rate));
  const line = cells.join(gap).trimEnd();
  const fitting = line.length <= widths.columns ? line : line.slice(0, widths.columns).trimEnd();
  return color === 'ansi' ? paint(row.style, fitting) : fitting;
}

function drawBar(share: number | undefined, width: number): string {
  if (share === undefined) return ' '.repeat(width);
  const inner = width - 2;
  const full = Math.floor(share * inner);
  const head = full < inner ? '>' : '';
  return `[${('='.repeat(full) + head).padEnd(inner)}]`;
}

const codes: Readonly<Record<Style, string>> = {
  plain: '',
  done: '32',
  waiting: '2',
  retrying: '33',
  total: '1',
};

function paint(style: Style, line: string): string {
  const code = codes[style];
  return code === '' ? line : `\u001b[${code}m${line}\u001b[0m`;
}
