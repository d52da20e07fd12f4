import type { Timeline, TimelineOutcome } from './timeline.js';

/**
 * A timeline in Chrome's trace event format (JSON object form), for `chrome://tracing`, Perfetto
 * and what else reads it: a thread a layer, a complete event a phase, an instant where it is done
 * or given up.
 */
export function toTraceEvents(timeline: Timeline): string {
  const { began = 0, duration, images, layers, stops = [] } = timeline;
  const process = { pid: 1, cat: 'rxfer' };
  const name = images.map(({ reference }) => reference).join(', ') || 'rxfer';
  const events = layers.flatMap(({ id, size, spans, done, stopped }, index) => {
    const thread = { ...process, tid: index + 1 };
    return [
      { ...thread, ph: 'M', name: 'thread_name', ts: 0, args: { name: id } },
      { ...thread, ph: 'M', name: 'thread_sort_index', ts: 0, args: { sort_index: index } },
      ...spans.map(({ phase, begin, end, bytes }) => ({
        ...thread,
        ph: 'X',
        name: phase,
        ts: microseconds(begin),
        dur: microseconds(end - begin),
        args: { layer: id, size, bytes },
      })),
      ...(done === undefined ? [] : [instant(thread, 't', 'Registered', done)]),
      ...(stopped === undefined
        ? []
        : [instant(thread, 't', nameOf(stopped), spans.at(-1)?.end ?? duration)]),
    ];
  });
  const traceEvents = [
    { ...process, tid: 0, ph: 'M', name: 'process_name', ts: 0, args: { name } },
    ...events,
    ...stops.map(({ outcome, at, reference, message }) =>
      instant({ ...process, tid: 0 }, 'p', nameOf(outcome), at, { reference, message }),
    ),
  ];
  const otherData = { began: new Date(began).toISOString(), duration };
  return JSON.stringify({ traceEvents, displayTimeUnit: 'ms', otherData });
}

function instant(
  thread: object,
  scope: 't' | 'p',
  name: string,
  at: number,
  args: object = {},
): object {
  return { ...thread, ph: 'i', s: scope, name, ts: microseconds(at), args };
}

function nameOf(outcome: TimelineOutcome): string {
  return outcome === 'failed' ? 'Failed' : 'Cancelled';
}

function microseconds(milliseconds: number): number {
  return Math.round(milliseconds * 1000);
}
