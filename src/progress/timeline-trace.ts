import type { Timeline } from './timeline.js';

/**
 * A timeline in Chrome's trace event format (JSON object form), for `chrome://tracing`, Perfetto
 * and what else reads it: a thread a layer, a complete event a phase, an instant where it is done.
 */
export function toTraceEvents({ began = 0, duration, images, layers }: Timeline): string {
  const process = { pid: 1, cat: 'rxfer' };
  const name = images.map(({ reference }) => reference).join(', ') || 'rxfer';
  const events = layers.flatMap(({ id, size, spans, done }, index) => {
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
      ...(done === undefined
        ? []
        : [{ ...thread, ph: 'i', s: 't', name: 'Registered', ts: microseconds(done), args: {} }]),
    ];
  });
  const traceEvents = [
    { ...process, tid: 0, ph: 'M', name: 'process_name', ts: 0, args: { name } },
    ...events,
  ];
  const otherData = { began: new Date(began).toISOString(), duration };
  return JSON.stringify({ traceEvents, displayTimeUnit: 'ms', otherData });
}

function microseconds(milliseconds: number): number {
  return Math.round(milliseconds * 1000);
}
