import { concat, defer, ignoreElements, type MonoTypeOperatorFunction } from 'rxjs';
import type { ImageTarget } from './seams.js';
import { undoUnlessDone } from './undo-unless-done.js';

/**
 * Closes the target when all is over: before the error or the end is heard, so that nothing is left
 * by then; and in the background where whoever watches has left.
 */
export function closingTarget<T>(target: ImageTarget): MonoTypeOperatorFunction<T> {
  return (source$) =>
    defer(() => {
      let closed: Promise<void> | undefined;
      const close = (): Promise<void> =>
        (closed ??= target.close?.().catch(() => undefined) ?? Promise.resolve());
      return concat(source$, defer(close).pipe(ignoreElements())).pipe(undoUnlessDone(close));
    });
}
