import type { LayerSnapshot, TimelineLayer } from '../../progress/index.js';
import type { DashboardState, OperationState } from './state.js';

/** A bar of a layer's row. Times are in ms since 1970. */
export interface Bar {
  readonly phase: string;
  readonly begin: number;
  readonly end: number;
}

/** A layer, whatever number of operations share it. */
export interface LayerRow {
  readonly id: string;
  /** The operations that it belongs to, by their ids. */
  readonly sharedBy: readonly string[];
  readonly snapshot: LayerSnapshot | undefined;
  readonly bars: readonly Bar[];
  /** When it was registered. */
  readonly done: number | undefined;
  /** What became of those it belongs to, where they ended without it. */
  readonly outcome: 'failed' | 'cancelled' | undefined;
}

/** What is drawn. */
export interface View {
  /** Those that belong together in time, the latest first. */
  readonly operations: readonly OperationState[];
  readonly rows: readonly LayerRow[];
  /** The time that the rows span. */
  readonly begin: number;
  readonly end: number;
  readonly current: number;
  readonly total: number;
  /** Layers that are registered, and those that are or are to be. */
  readonly done: number;
  readonly layers: number;
  /** Bytes per second, over the last seconds. */
  readonly rate: number;
  /** Bytes by second, the oldest of the last minute first. */
  readonly throughput: readonly number[];
}

/** Operations with a longer pause between, in ms, aren't drawn on one axis of time. */
const longPause = 10_000;
const ratedSeconds = 3;

/** What is to be drawn at a time, in ms since 1970. Pure. */
export function viewOf(state: DashboardState, now: number): View {
  const operations = latestBurst(state.operations, now);
  const rows = rowsOf(operations, now);
  const ends = operations.map(({ ended }) => ended?.at ?? now);
  const second = Math.floor(now / 1000);
  const bytesAt = new Map(state.moved.map((one) => [one.second, one.bytes]));
  // The second that has just begun would look like a slump.
  const throughput = Array.from(
    { length: 60 },
    (_, index) => bytesAt.get(second - 60 + index) ?? 0,
  );
  const recent = throughput.slice(-ratedSeconds);
  // Nobody waits for what was given up, unless there is nothing else to tell of.
  const kept = rows.filter(({ outcome }) => outcome === undefined);
  const counted = kept.length === 0 ? rows : kept;
  const moving = counted.flatMap(({ snapshot }) =>
    snapshot !== undefined && !(snapshot.done && snapshot.moved === undefined) ? [snapshot] : [],
  );
  return {
    operations: [...operations].reverse(),
    rows,
    begin: Math.min(...operations.map(({ began }) => began), now),
    end: Math.max(...ends, 0),
    current: sum(moving.map(({ moved = 0 }) => moved)),
    total: sum(moving.map(({ size, moved = 0 }) => size ?? moved)),
    done: counted.filter(({ snapshot }) => snapshot?.done).length,
    layers: counted.length,
    rate: sum(recent) / ratedSeconds,
    throughput,
  };
}

/** Back from the latest to the first long pause. */
function latestBurst(operations: readonly OperationState[], now: number): OperationState[] {
  let begin = Infinity;
  const burst: OperationState[] = [];
  for (const operation of [...operations].sort((a, b) => endOf(b, now) - endOf(a, now))) {
    if (begin !== Infinity && begin - endOf(operation, now) > longPause) break;
    begin = Math.min(begin, operation.began);
    burst.push(operation);
  }
  return burst.sort((a, b) => a.began - b.began || Number(a.id) - Number(b.id));
}

function endOf({ ended }: OperationState, now: number): number {
  return ended?.at ?? now;
}

function rowsOf(operations: readonly OperationState[], now: number): LayerRow[] {
  const ids = new Set(operations.flatMap(({ timeline }) => timeline.layers.map(({ id }) => id)));
  return [...ids].map((id) => {
    const sharing = operations.filter((one) => layerOf(one, id) !== undefined);
    // Where one was cancelled, those that share the layer know how it went on.
    const [teller] = [...sharing].sort((a, b) => hasGivenUp(a) - hasGivenUp(b));
    const layer = teller === undefined ? undefined : layerOf(teller, id);
    const began = teller?.timeline.began ?? 0;
    const ended = teller?.ended;
    // What it was in last lasts on, or until it was given up.
    const last = layer?.done === undefined ? (ended?.at ?? now) : -Infinity;
    const spans = layer?.spans ?? [];
    return {
      id,
      sharedBy: sharing.map((one) => one.id),
      snapshot: teller?.snapshot.layers.find((one) => one.id === id),
      bars: spans.map(({ phase, begin, end }, index) => ({
        phase,
        begin: began + begin,
        end: index === spans.length - 1 ? Math.max(last, began + end) : began + end,
      })),
      done: layer?.done === undefined ? undefined : began + layer.done,
      outcome: layer?.done !== undefined || ended?.outcome === 'done' ? undefined : ended?.outcome,
    };
  });
}

function layerOf({ timeline }: OperationState, id: string): TimelineLayer | undefined {
  return timeline.layers.find((layer) => layer.id === id);
}

function hasGivenUp({ ended }: OperationState): number {
  return ended === undefined || ended.outcome === 'done' ? 0 : 1;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
