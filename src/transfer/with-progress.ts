import { scan, type OperatorFunction } from 'rxjs';
import type { Progress, TransferEvent } from './progress.js';

/** All that is known of a transfer at one time: what a view shows. */
export type TransferView<T> =
  | { readonly done: false; readonly progress: Progress }
  | { readonly done: true; readonly progress?: Progress; readonly value: T };

/**
 * Folds the events of a transfer into what is known so far: the latest progress and, once it is
 * there, the result beside it. Use it where a template or a state store wants one value to show.
 *
 * ```
 * source:         --p--q--(r|)
 * withProgress:   --a--b--(c|)      a: { p }   b: { q }   c: { q, and the value of r }
 * ```
 *
 * Errors and completes as the source does.
 *
 * @example
 * manager.transfer('a', job).pipe(withProgress()).subscribe((view) => {
 *   console.log(view.done ? view.value : view.progress.phase);
 * });
 */
export function withProgress<T>(): OperatorFunction<TransferEvent<T>, TransferView<T>> {
  return scan<TransferEvent<T>, TransferView<T>, undefined>(
    (view: TransferView<T> | undefined, event) =>
      event.kind === 'result'
        ? { ...view, done: true, value: event.value }
        : { done: false, ...view, progress: event.progress },
    undefined,
  );
}
