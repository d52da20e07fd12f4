import {
  asyncScheduler,
  EMPTY,
  mergeMap,
  of,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { sampleProgress } from '../transfer/index.js';
import { sizesOf, type ImageProgressEvent } from './events.js';

/** How often {@link toJsonLines} emits. */
export interface JsonLinesOptions {
  /** Lines of progress per second and layer at most. Default 10. */
  readonly rate?: number;
  /** The time of the sampling. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * The events of a pull, push, copy or unpack as lines of JSON without the newline, for programs
 * that watch: `resolved` (reference, digest, layers with id and size), `progress` (id, phase and
 * where they apply current, total, retryIn), `layer` (id) and `retry` (reference, retryIn). Completes and errors with the source.
 */
export function toJsonLines(
  options: JsonLinesOptions = {},
): OperatorFunction<ImageProgressEvent, string> {
  const { rate = 10, scheduler = asyncScheduler } = options;
  return (events$) =>
    events$.pipe(
      sampleProgress({ rate, scheduler, by: (event) => 'id' in event && event.id }),
      mergeMap((event) => {
        const line = jsonOf(event);
        return line === undefined ? EMPTY : of(JSON.stringify(line));
      }),
    );
}

function jsonOf(event: ImageProgressEvent): object | undefined {
  switch (event.kind) {
    case 'resolved': {
      const { reference, resolved } = event.image;
      const sizes = sizesOf(event);
      return {
        kind: event.kind,
        reference,
        digest: resolved,
        layers: event.ids.map((id, index) => ({ id, size: sizes[index] ?? 0 })),
      };
    }
    case 'progress':
      return { kind: event.kind, id: event.id, ...event.progress };
    case 'retry':
      return { kind: event.kind, reference: event.reference, retryIn: event.retryIn };
    case 'layer':
      return { kind: event.kind, id: event.id };
    case 'result':
      return undefined;
  }
}
