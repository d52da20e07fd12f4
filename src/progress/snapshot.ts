import {
  progressText,
  retryText,
  sizesOf,
  type ImageProgressEvent,
  type RetryNews,
} from './events.js';
import type { Progress } from '../transfer/index.js';

/** Where a layer stands. Immutable. */
export interface LayerSnapshot {
  readonly id: string;
  /** What is being done now, such as `Downloading`. */
  readonly phase: string;
  /** The phase as people read it, such as `Retrying in 3 seconds`. */
  readonly text: string;
  /** Bytes done in this phase, where it moves bytes. */
  readonly current?: number;
  /** Bytes of this phase in all, where known. */
  readonly total?: number;
  /** Bytes per second now, where the phase moves bytes and has lasted long enough to tell. */
  readonly rate?: number;
  /** Bytes of the layer in all, where known. */
  readonly size?: number;
  /** Bytes of the layer that were moved; absent when none had to be. */
  readonly moved?: number;
  /** The layer is where it was to go. */
  readonly done: boolean;
}

/** Where all layers stand together. Layers that needed no moving don't count in the bytes. */
export interface ProgressTotals {
  /** Bytes moved. */
  readonly current: number;
  /** Bytes to move in all, as far as known. */
  readonly total: number;
  /** Bytes per second now, where it can be told. */
  readonly rate?: number;
  /** Layers that are where they were to go. */
  readonly done: number;
}

/** An image that can't go on before something that describes it is asked for again. Immutable. */
export interface RetrySnapshot {
  readonly reference: string;
  /** Seconds left. */
  readonly retryIn: number;
  /** As people read it, such as `Retrying in 3 seconds`. */
  readonly text: string;
}

/** What a UI shows of one or several pulls, pushes or copies. Immutable. */
export interface ProgressSnapshot {
  /** In the order in which they became known: an image's bottom-up. Each id once. */
  readonly layers: readonly LayerSnapshot[];
  readonly totals: ProgressTotals;
  /** Images that are waited for; absent where there is none. */
  readonly retries?: readonly RetrySnapshot[];
}

/** The snapshot before the first event. */
export const emptySnapshot: ProgressSnapshot = {
  layers: [],
  totals: { current: 0, total: 0, done: 0 },
};

/**
 * The snapshot after an event. Pure; events of several images may be mixed, in which case a layer
 * that they share, by its id, is one. Knows no time, so the rates are absent: see `withRates`.
 */
export function reduceProgress(
  snapshot: ProgressSnapshot,
  event: ImageProgressEvent,
): ProgressSnapshot {
  switch (event.kind) {
    case 'resolved': {
      const sizes = sizesOf(event);
      return event.ids.reduce(
        (known, id, index) => withLayer(known, id, (layer) => sized(layer, sizes[index] ?? 0)),
        snapshot,
      );
    }
    case 'progress':
      return withLayer(snapshot, event.id, (layer) => progressed(layer, event.progress));
    case 'layer':
      return withLayer(snapshot, event.id, (layer) =>
        // What it moved may have been so quick that none of its progress was heard.
        finished(event.status === 'pulled' ? { ...layer, moved: layer.moved ?? 0 } : layer),
      );
    case 'retry':
      return withRetry(snapshot, event);
    case 'result':
      return snapshot;
  }
}

function withRetry(snapshot: ProgressSnapshot, event: RetryNews): ProgressSnapshot {
  const { reference, retryIn } = event;
  const { retries = [], ...rest } = snapshot;
  const index = retries.findIndex((each) => each.reference === reference);
  const changed = { reference, retryIn, text: retryText(event) };
  const waiting = index < 0 ? [...retries, changed] : retries.with(index, changed);
  const left = waiting.filter((each) => each.retryIn > 0);
  return left.length === 0 ? rest : { ...rest, retries: left };
}

function sized(layer: LayerSnapshot, size: number): LayerSnapshot {
  return { ...layer, size };
}

function progressed(layer: LayerSnapshot, progress: Progress): LayerSnapshot {
  const { current, total } = progress;
  const size = layer.size ?? total;
  const moved =
    current ?? (progress.retryIn === undefined ? whole(heard(layer, progress), size) : layer.moved);
  return {
    id: layer.id,
    phase: progress.phase,
    text: progressText(progress),
    ...(current === undefined ? {} : { current }),
    ...(total === undefined ? {} : { total }),
    ...(size === undefined ? {} : { size }),
    ...(moved === undefined ? {} : { moved }),
    // Another image that shares the layer may have to fetch it anew.
    done: layer.done && current === undefined,
  };
}

/** What a push moved may have been so quick that none of its progress was heard. */
function heard(layer: LayerSnapshot, { phase }: Progress): LayerSnapshot {
  return phase === 'Pushed' ? { ...layer, moved: layer.moved ?? 0 } : layer;
}

/** A phase without bytes begins when those of the one before are through, told of or not. */
function whole({ moved }: LayerSnapshot, size: number | undefined): number | undefined {
  return moved === undefined ? undefined : (size ?? moved);
}

function finished(layer: LayerSnapshot): LayerSnapshot {
  const { id, phase, text, size } = layer;
  const moved = whole(layer, size);
  return {
    id,
    phase,
    text,
    ...(size === undefined ? {} : { size }),
    ...(moved === undefined ? {} : { moved }),
    done: true,
  };
}

function withLayer(
  snapshot: ProgressSnapshot,
  id: string,
  change: (layer: LayerSnapshot) => LayerSnapshot,
): ProgressSnapshot {
  const { layers } = snapshot;
  const index = layers.findIndex((layer) => layer.id === id);
  const known = layers[index] ?? { id, phase: 'Waiting', text: 'Waiting', done: false };
  const changed = change(known);
  const next = index < 0 ? [...layers, changed] : layers.with(index, changed);
  return { ...snapshot, layers: next, totals: totalsOf(next) };
}

function totalsOf(layers: readonly LayerSnapshot[]): ProgressTotals {
  let [current, total, done] = [0, 0, 0];
  for (const layer of layers) {
    if (layer.done) done++;
    if (layer.done && layer.moved === undefined) continue;
    current += layer.moved ?? 0;
    total += layer.size ?? layer.moved ?? 0;
  }
  return { current, total, done };
}
