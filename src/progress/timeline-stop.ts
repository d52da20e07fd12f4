import { endedAt, type Timeline, type TimelineLayer, type TimelineStop } from './timeline.js';

/** What is told of an end that came too early. */
export interface StopNews extends Omit<TimelineStop, 'at'> {
  /** In ms since 1970. */
  readonly timestamp: number;
  /** The digest of the blob that failed, such as an error's: its layer failed, others are cancelled. */
  readonly digest?: string;
}

/**
 * The timeline after an error or an unsubscription, of which no event tells: layers that are not
 * where they were to go were in their last phase until then, and are marked as given up. Pure.
 *
 * @example
 * let timeline = emptyTimeline;
 * pull$.pipe(timestamp()).subscribe({
 *   next: (stamped) => (timeline = reduceTimeline(timeline, stamped)),
 *   error: ({ message, digest }) => {
 *     timeline = stopTimeline(timeline, { timestamp: Date.now(), outcome: 'failed', message, digest });
 *   },
 * });
 */
export function stopTimeline(
  timeline: Timeline,
  { timestamp, digest, ...told }: StopNews,
): Timeline {
  const began = timeline.began ?? timestamp;
  const at = Math.max(timeline.duration, timestamp - began);
  const stops = [...(timeline.stops ?? []), { ...told, at }];
  const isOver = lostIn(timeline, stops);
  const layers = timeline.layers.map((layer) => {
    if (!isOver(layer)) return layer;
    const stopped = digest !== undefined && isOf(digest, layer) ? told.outcome : 'cancelled';
    return { ...layer, spans: endedAt(layer.spans, at), stopped } as const;
  });
  return { ...timeline, began, duration: at, layers, stops };
}

/** Tells layers that nobody waits for any more, and that are not where they were to go. */
function lostIn(
  { images }: Timeline,
  stops: readonly TimelineStop[],
): (layer: TimelineLayer) => boolean {
  const isAll = stops.some(({ reference }) => reference === undefined);
  const stopped = new Set(stops.map(({ reference }) => reference));
  const going = images.filter(({ reference }) => !isAll && !stopped.has(reference));
  const wanted = new Set(going.flatMap(({ ids }) => ids));
  return ({ id, done, stopped: before }) =>
    done === undefined && before === undefined && !wanted.has(id);
}

/** An id is what the digest of its blob begins with. */
function isOf(digest: string, { id }: TimelineLayer): boolean {
  return digest.slice(digest.indexOf(':') + 1).startsWith(id);
}
