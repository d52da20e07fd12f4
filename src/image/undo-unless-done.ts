import {
  catchError,
  concat,
  defer,
  ignoreElements,
  tap,
  throwError,
  type MonoTypeOperatorFunction,
} from 'rxjs';

/**
 * Undoes what didn't come to its end, once: before an error is heard, so that nothing is left by then;
 * and in the background where whoever watches has left.
 *
 * ```
 * source:  --a--#          --a--!        --a--|
 * undo:         ==|             ==|
 * result:  --a----#        --a--!        --a--|
 * ```
 */
export function undoUnlessDone<T>(undo: () => Promise<void>): MonoTypeOperatorFunction<T> {
  return (source$) =>
    defer(() => {
      let undone: Promise<void> | undefined;
      const once = (): Promise<void> => (undone ??= undo());
      return source$.pipe(
        catchError((error: unknown) => {
          const undo$ = defer(once).pipe(ignoreElements());
          const failure$ = throwError(() => error);
          return concat(undo$, failure$);
        }),
        tap({ unsubscribe: () => void once() }),
      );
    });
}
