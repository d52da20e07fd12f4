import {
  catchError,
  concat,
  defer,
  finalize,
  ignoreElements,
  throwError,
  type MonoTypeOperatorFunction,
} from 'rxjs';
import type { ImageTarget } from './seams.js';

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
      const close$ = defer(close).pipe(ignoreElements());
      return concat(source$, close$).pipe(
        catchError((error: unknown) => {
          const failure$ = throwError(() => error);
          return concat(close$, failure$);
        }),
        finalize(() => void close()),
      );
    });
}
