import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  finalize,
  merge,
  mergeMap,
  Subject,
  tap,
  throwError,
  type MonoTypeOperatorFunction,
  type SchedulerLike,
  type Subscription,
} from 'rxjs';
import { InvalidTransferOptionError } from './invalid-option.js';

/** How {@link sampleProgress} thins out progress. */
export interface SampleProgressOptions<E> {
  /** Progress events per second and per `by` that pass. Default 10. */
  readonly rate?: number;
  /** What is thinned out on its own, such as a layer's id. Default: all together. */
  readonly by?: (event: E) => unknown;
  /** The time of the windows. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/**
 * Limits how often a watcher hears of progress: the first passes at once and opens a window of
 * `1000 / rate` ms, in which only the latest is kept; it passes when the window ends.
 *
 * ```
 * source:           a-b-c-d----------p-q-(r|)      rate: a window of 5 frames
 * sampleProgress:   a----c----d------p---(qr|)
 * ```
 *
 * Any other event, completion and error pass at once, with what was kept ahead of them: the last
 * progress before the end is never dropped. Use it per watcher, behind the shared transfer.
 *
 * @throws InvalidTransferOptionError where `rate` isn't above 0.
 */
export function sampleProgress<E extends { readonly kind: string }>(
  options: SampleProgressOptions<E> = {},
): MonoTypeOperatorFunction<E> {
  const { rate = 10, by = () => undefined, scheduler = asyncScheduler } = options;
  if (!(rate > 0)) throw new InvalidTransferOptionError('rate', `is ${rate}, which is not above 0`);
  return (source$) =>
    defer(() => {
      const windows = new Map<unknown, Window<E>>();
      const late$ = new Subject<E>();
      const close = (): void => {
        for (const window of windows.values()) window.timer.unsubscribe();
        windows.clear();
      };
      const flush = (): E[] => {
        const kept = [...windows.values()].flatMap(({ latest }) => latest ?? []);
        close();
        return kept;
      };
      const open = (key: unknown): void => {
        const timer = scheduler.schedule(() => {
          const latest = windows.get(key)?.latest;
          windows.delete(key);
          if (latest === undefined) return;
          open(key);
          late$.next(latest);
        }, 1000 / rate);
        windows.set(key, { timer, latest: undefined });
      };
      const take = (event: E): E[] => {
        if (event.kind !== 'progress') return [...flush(), event];
        const window = windows.get(by(event));
        if (window === undefined) {
          open(by(event));
          return [event];
        }
        window.latest = event;
        return [];
      };
      const prompt$ = concat(source$.pipe(mergeMap(take)), defer(flush)).pipe(
        catchError((error: unknown) =>
          concat(
            flush(),
            throwError(() => error),
          ),
        ),
        tap({ complete: () => late$.complete() }),
      );
      return merge(late$, prompt$).pipe(finalize(close));
    });
}

interface Window<E> {
  readonly timer: Subscription;
  latest: E | undefined;
}
