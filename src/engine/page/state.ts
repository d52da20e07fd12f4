import { reduceProgress, reduceTimeline } from '../../progress/index.js';
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

/** The state after news. Pure. */
export function reduceNews(state: DashboardState, news: ActivityNews): DashboardState {
  switch (news.kind) {
    case 'slots':
      return { ...state, slots: news };
    case 'operation': {
      const others = state.operations.filter(({ id }) => id !== news.id);
      return { ...state, operations: forgetOld([...others, news]) };
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
      return counted(
        { ...state, operations: state.operations.map((one) => heard(one, news)) },
        news,
      );
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

/** Those who share a layer all tell of its bytes, which came once. */
function counted(state: DashboardState, { at, event }: EventNews): DashboardState {
  if (event.kind === 'layer') {
    const forgotten = new Map(state.counted);
    forgotten.delete(event.id);
    return { ...state, counted: forgotten };
  }
  const current = event.kind === 'progress' ? event.progress.current : undefined;
  if (event.kind !== 'progress' || current === undefined) return state;
  const before = state.counted.get(event.id) ?? 0;
  const second = Math.floor(at / 1000);
  const bytes = Math.max(0, current - before);
  return {
    ...state,
    counted: new Map(state.counted).set(event.id, current),
    moved: bytes === 0 ? state.moved : add(state.moved, { second, bytes }),
  };
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
