import type { Timestamp } from 'rxjs';
import { sizesOf, type ImageProgressEvent } from './events.js';

/** What became of what didn't come to its end. */
export type TimelineOutcome = 'failed' | 'cancelled';

/** An end before all was where it was to go. The time is in ms since the timeline's begin. */
export interface TimelineStop {
  readonly outcome: TimelineOutcome;
  readonly at: number;
  /** The image that alone ended so; absent: all that had not ended before. */
  readonly reference?: string;
  /** Why. */
  readonly message?: string;
}

/** What a layer was in from one moment to another. Times are in ms since the timeline's begin. */
export interface TimelineSpan {
  readonly phase: string;
  readonly begin: number;
  readonly end: number;
  /** Bytes that were done at its end, of a phase that moves bytes. */
  readonly bytes?: number;
}

/** What a layer went through. */
export interface TimelineLayer {
  readonly id: string;
  /** Bytes, where known. */
  readonly size?: number;
  /** Without gaps, in their order. */
  readonly spans: readonly TimelineSpan[];
  /** When it was where it was to go. */
  readonly done?: number;
  /** It was given up at the end of its last span: as itself failed, or along with others. */
  readonly stopped?: TimelineOutcome;
}

/** An image that was moved. */
export interface TimelineImage {
  readonly reference: string;
  readonly digest: string;
  /** By layer, bottom-up: the ids of its layers, which other images may share. */
  readonly ids: readonly string[];
}

/** What happened when, in one or several pulls, pushes or copies. Immutable. */
export interface Timeline {
  /** The time of the first event, in ms since 1970. */
  readonly began?: number;
  /** How long it took until the last event, in ms. */
  readonly duration: number;
  readonly images: readonly TimelineImage[];
  /** In the order in which they became known. Each id once. */
  readonly layers: readonly TimelineLayer[];
  /** What was given up, in its order; absent where nothing was. */
  readonly stops?: readonly TimelineStop[];
}

/** The timeline before the first event. */
export const emptyTimeline: Timeline = { duration: 0, images: [], layers: [] };

/**
 * The timeline after an event, which rxjs's `timestamp` has stamped. Pure.
 *
 * @example
 * pull$.pipe(timestamp(), reduce(reduceTimeline, emptyTimeline)).subscribe(toTimelineSvg);
 */
export function reduceTimeline(
  timeline: Timeline,
  { value: event, timestamp }: Timestamp<ImageProgressEvent>,
): Timeline {
  const began = timeline.began ?? timestamp;
  const now = Math.max(timeline.duration, timestamp - began);
  const next = { ...timeline, began, duration: now };
  switch (event.kind) {
    case 'resolved': {
      const { reference, resolved } = event.image;
      const sizes = sizesOf(event);
      const image = { reference, digest: resolved, ids: event.ids };
      return event.ids.reduce<Timeline>(
        (known, id, index) => {
          const size = sizes[index];
          return withLayer(known, id, now, (layer) =>
            size === undefined ? layer : { ...layer, size },
          );
        },
        { ...next, images: [...timeline.images, image] },
      );
    }
    case 'progress': {
      const { phase, current } = event.progress;
      return withLayer(next, event.id, now, (layer) => ({
        ...layer,
        spans: spansAfter(layer.spans, phase, now, current),
      }));
    }
    case 'layer':
      return withLayer(next, event.id, now, (layer) =>
        layer.done === undefined
          ? { ...layer, spans: endedAt(layer.spans, now), done: now }
          : layer,
      );
    case 'retry':
    case 'result':
      return next;
  }
}

/** A layer waits from when it is first heard of. */
function withLayer(
  timeline: Timeline,
  id: string,
  now: number,
  change: (layer: TimelineLayer) => TimelineLayer,
): Timeline {
  const { layers } = timeline;
  const index = layers.findIndex((layer) => layer.id === id);
  const known = layers[index] ?? { id, spans: [{ phase: 'Waiting', begin: now, end: now }] };
  const changed = change(resumed(known, now));
  return { ...timeline, layers: index < 0 ? [...layers, changed] : layers.with(index, changed) };
}

/** Of what was given up, another image may want it after all. */
function resumed({ stopped, ...layer }: TimelineLayer, now: number): TimelineLayer {
  if (stopped === undefined) return layer;
  const begin = layer.spans.at(-1)?.end ?? now;
  return { ...layer, spans: [...layer.spans, { phase: 'Waiting', begin, end: now }] };
}

function spansAfter(
  spans: readonly TimelineSpan[],
  phase: string,
  now: number,
  bytes: number | undefined,
): TimelineSpan[] {
  const ended = endedAt(spans, now);
  const last = ended.at(-1);
  const moved = bytes === undefined ? {} : { bytes };
  if (last?.phase === phase) return ended.with(-1, { ...last, ...moved });
  return [...ended, { phase, begin: now, end: now, ...moved }];
}

/** What a layer was in last lasted until then. */
export function endedAt(spans: readonly TimelineSpan[], now: number): TimelineSpan[] {
  const last = spans.at(-1);
  return last === undefined ? [] : spans.with(-1, { ...last, end: now });
}
