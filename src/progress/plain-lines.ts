import { defer, EMPTY, mergeMap, of, type Observable, type OperatorFunction } from 'rxjs';
import { progressText, retryText, type ImageProgressEvent } from './events.js';

/**
 * The line of an event for logs, or `undefined` when it says nothing that was not said:
 * `a1b2c3d4e5f6: Pull complete`.
 */
export function plainLine(event: ImageProgressEvent): string | undefined {
  switch (event.kind) {
    case 'resolved': {
      const { reference, resolved, layers, referrers } = event.image;
      const others = referrers === undefined ? '' : `, ${counted(referrers, 'referrer')}`;
      return `${reference}: ${resolved}, ${counted(layers, 'layer')}${others}`;
    }
    case 'progress':
      return `${event.id}: ${progressText(event.progress)}`;
    case 'retry':
      return event.retryIn === 0 ? undefined : `${event.reference}: ${retryText(event)}`;
    case 'layer':
    case 'result':
      return undefined;
  }
}

function counted({ length }: readonly unknown[], what: string): string {
  return `${length} ${length === 1 ? what : `${what}s`}`;
}

/**
 * The lines of a pull, push, copy or unpack for logs: one for each phase that a layer enters,
 * however much progress it makes in it, and one for each wait for what describes it. Completes and errors with the source.
 *
 * ```
 * source:      p-d-d-d-d-c-|      p: Pulling fs layer   d: Downloading   c: Pull complete
 * plainLines:  p-d-------c-|
 * ```
 */
export function plainLines(): OperatorFunction<ImageProgressEvent, string> {
  return (events$) =>
    defer((): Observable<string> => {
      const phases = new Map<string, string>();
      const waiting = new Set<string>();
      return events$.pipe(
        mergeMap((event) => {
          if (event.kind === 'progress') {
            const { id, progress } = event;
            if (phases.get(id) === progress.phase) return EMPTY;
            phases.set(id, progress.phase);
          }
          if (event.kind === 'retry') {
            const isCounting = waiting.has(event.reference);
            if (event.retryIn === 0) waiting.delete(event.reference);
            else waiting.add(event.reference);
            if (isCounting) return EMPTY;
          }
          const line = plainLine(event);
          return line === undefined ? EMPTY : of(line);
        }),
      );
    });
}
