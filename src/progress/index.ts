/**
 * What user interfaces subscribe to: events of pulls and pushes as snapshots, lines, server-sent
 * events and timelines. Runs in browsers.
 *
 * @module rxfer/progress
 */
export * from './docker-progress.js';
export * from './events.js';
export * from './format.js';
export * from './json-lines.js';
export * from './plain-lines.js';
export * from './rates.js';
export * from './render-lines.js';
export * from './server-sent-events.js';
export * from './snapshot.js';
export * from './snapshots.js';
export { toTimelineHtml } from './timeline-html.js';
export { phaseKind, type PhaseKind } from './timeline-phases.js';
export * from './timeline-stop.js';
export { toTimelineSvg } from './timeline-svg.js';
export * from './timeline-trace.js';
export {
  emptyTimeline,
  reduceTimeline,
  type Timeline,
  type TimelineImage,
  type TimelineLayer,
  type TimelineOutcome,
  type TimelineSpan,
  type TimelineStop,
} from './timeline.js';
