import { reduceProgress, reduceTimeline, type LayerSnapshot } from '../../progress/index.js';
import type { ActivityNews, EndedNews, EventNews, OperationNews, SlotsNews } from '../news.js';

/** An operation as the page knows it. */
export interface OperationState extends Omit<OperationNews, 'kind'> {
  readonly ended?: EndedNews;
}

/** Bytes that came or went in a second. */
export interface Moved {
  /** Seconds since 1970. */
  readonly second: number;
  readonly bytes: number;
}

/** All that the page shows. Immutable. */
export interface DashboardState {
  /** In the order in which they began. */
  readonly operations: readonly OperationState[];
  readonly slots: SlotsNews | undefined;
  /** The latest minute, without the seconds in which nothing moved. */
  readonly moved: readonly Moved[];
  /** By layer, how many of its bytes are counted in `moved`. */
  readonly counted: ReadonlyMap<string, number>;
}

/** The state before the first news. */
export const emptyState: DashboardState = {
  operations: [],
  slots: undefined,
  moved: [],
  counted: new Map(),
};

/** Operations that are over and still remembered. */
const keptEnded = 30;
const minute = 60;
/** The phases that a layer of its own begins with, not one that has been shared and is done. */
const earliest: readonly string[] = ['Pulling fs layer', 'Preparing'];

/** The state after news. Pure. */
export function reduceNews(state: DashboardState, news: ActivityNews): DashboardState {
  switch (news.kind) {
    case 'slots':
      return { ...state, slots: news };
    case 'operation': {
      const others = state.operations.filter(({ id }) => id !== news.id);
      const counted = new Map([...begunIn(news), ...state.counted]);
      return { ...state, counted, operations: forgetOld([...others, news]) };
    }
    case 'ended':
      return {
        ...state,
        operations: state.operations.map((one) =>
          one.id === news.id ? { ...one, ended: news } : one,
        ),
      };
    case 'progress':
    case 'event':
      return count({ ...state, operations: state.operations.map((one) => heard(one, news)) }, news);
  }
}

function heard(operation: OperationState, { id, at, event }: EventNews): OperationState {
  if (operation.id !== id) return operation;
  return {
    ...operation,
    timeline: reduceTimeline(operation.timeline, { value: event, timestamp: at }),
    snapshot: reduceProgress(operation.snapshot, event),
  };
}

/** What was moved before the page came is not of its minute. */
function begunIn({ snapshot }: OperationNews): [id: string, bytes: number][] {
  return snapshot.layers
    .filter(({ done, phase }) => !done && !earliest.includes(phase))
    .map(({ id, moved = 0 }) => [id, moved]);
}

/**
 * Those who share a layer all tell of its bytes, which came once. What a layer has moved in the end
 * counts, however little of its progress was told: quick ones are done before any.
 */
function count(state: DashboardState, { id, at, event }: EventNews): DashboardState {
  if (event.kind !== 'progress' && event.kind !== 'layer') return state;
  const before = state.counted.get(event.id);
  const counted = new Map(state.counted);
  let bytes = 0;
  if (event.kind === 'layer') {
    const { moved = 0 } = layerOf(state, id, event.id) ?? {};
    bytes = before === undefined ? 0 : Math.max(0, moved - before);
    counted.delete(event.id);
  } else if (event.progress.current !== undefined) {
    bytes = Math.max(0, event.progress.current - (before ?? 0));
    counted.set(event.id, event.progress.current);
  } else if (before === undefined && earliest.includes(event.progress.phase)) {
    counted.set(event.id, 0);
  }
  const second = Math.floor(at / 1000);
  return {
    ...state,
    counted,
    moved: bytes === 0 ? state.moved : add(state.moved, { second, bytes }),
  };
}

function layerOf(state: DashboardState, operation: string, id: string): LayerSnapshot | undefined {
  const found = state.operations.find((one) => one.id === operation);
  return found?.snapshot.layers.find((layer) => layer.id === id);
}

function add(moved: readonly Moved[], { second, bytes }: Moved): Moved[] {
  const recent = moved.filter((one) => one.second > second - minute);
  const last = recent.at(-1);
  if (last?.second !== second) return [...recent, { second, bytes }];
  return recent.with(-1, { second, bytes: last.bytes + bytes });
}

function forgetOld(operations: readonly OperationState[]): OperationState[] {
  const over = operations.filter(({ ended }) => ended !== undefined);
  const old = new Set(over.slice(0, -keptEnded));
  return operations.filter((one) => !old.has(one));
}
