import {
  emptyTimeline,
  reduceTimeline,
  type ImageProgressEvent,
  type Timeline,
} from '../../src/progress/index.js';

/** When the timelines of {@link timelineOf} begin, in ms since 1970. */
export const began = Date.parse('2024-05-06T07:08:09Z');

/** A timeline of events, each with its time in ms since the begin. */
export function timelineOf(
  ...stamped: readonly [at: number, event: ImageProgressEvent][]
): Timeline {
  return stamped.reduce(
    (timeline, [at, value]) => reduceTimeline(timeline, { value, timestamp: began + at }),
    emptyTimeline,
  );
}
