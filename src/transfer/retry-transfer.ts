import {
  asyncScheduler,
  defer,
  endWith,
  ignoreElements,
  map,
  merge,
  retry,
  Subject,
  takeWhile,
  tap,
  throwError,
  timer,
  type MonoTypeOperatorFunction,
  type Observable,
  type SchedulerLike,
} from 'rxjs';
import { isDoNotRetry } from './do-not-retry.js';
import { InvalidTransferOptionError } from './invalid-option.js';
import { progressEvent, type ProgressEvent, type TransferEvent } from './progress.js';
import { retryAfterOf } from './retry-after.js';

/** When {@link retryTransfer} tries again, and when it gives up. */
export interface RetryTransferOptions {
  /** Attempts in all, the first included: a whole number from 1 up, or Infinity. Default 5. */
  readonly maxAttempts?: number;
  /**
   * The wait before the next attempt, in ms, after the `failures`-th failure in a row with this
   * error. Default 5,000 ms × `failures`.
   */
  readonly delay?: (failures: number, error: unknown) => number;
  /**
   * The longest wait, in ms, that a server is granted which asks for more than `delay` (`retryAfter`
   * of the error, see {@link retryAfterOf}). Default 300,000.
   */
  readonly maxRetryAfter?: number;
  /** Whether the failed attempt got somewhere, so that the count begins again. Default: never. */
  readonly countsAnew?: (error: unknown) => boolean;
  /** Called before each wait, with the failures in a row and the wait in ms. Default: nobody. */
  readonly onRetry?: (
    error: unknown,
    retry: { readonly failures: number; readonly wait: number },
  ) => void;
  /** The time of the waits. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** The reference's waits: 5 s after the first failure, 5 s more after each further one. */
export const defaultRetryDelay = (failures: number): number => 5000 * failures;

/**
 * Subscribes again to a transfer that failed, after a countdown of the phase `Retrying` that
 * emits the seconds left each second. Put it inside the job, so that watchers share the retries.
 *
 * ```
 * first attempt:    --p--#
 * second attempt:   --q--(r|)
 * retryTransfer:    --p--2 999ms 1 999ms --q--(r|)      waits 2 s
 * ```
 *
 * - Waits as long as the server asks where that is longer.
 * - Errors with the last attempt's error after `maxAttempts`, and at once where a DoNotRetry
 *   stands in its causes ({@link isDoNotRetry}).
 *
 * ```
 * attempt:          --#                                   each of 3
 * retryTransfer:    --2 999ms 1 999ms --1 999ms --#       waits 2 s, then 1 s
 * ```
 *
 * - Completes when an attempt does. Unsubscribing ends the attempt or the wait at once.
 *
 * ```
 * attempt runs:     ^-!
 * watched:          ^ 1002ms !                            cancelled while it waits
 * retryTransfer:    --2 999ms 1
 * ```
 *
 * @throws InvalidTransferOptionError where `maxAttempts` or `maxRetryAfter` makes no sense. A `delay`
 * that isn't a finite number is the error of the transfer.
 */
export function retryTransfer<T>(
  options: RetryTransferOptions = {},
): MonoTypeOperatorFunction<TransferEvent<T>> {
  const { maxAttempts = 5, delay = defaultRetryDelay, scheduler = asyncScheduler } = options;
  const { countsAnew = () => false, maxRetryAfter = 300_000, onRetry } = options;
  if (!(maxAttempts >= 1) || (maxAttempts !== Infinity && !Number.isInteger(maxAttempts))) {
    throw new InvalidTransferOptionError(
      'maxAttempts',
      `is ${maxAttempts}, not a number from 1 up`,
    );
  }
  if (!(maxRetryAfter >= 0)) {
    throw new InvalidTransferOptionError('maxRetryAfter', `is ${maxRetryAfter}, not from 0 up`);
  }
  return (attempt$) =>
    defer(() => {
      let failures = 0;
      const countdown$ = new Subject<ProgressEvent>();
      const waitBeforeNext$ = (error: unknown): Observable<unknown> => {
        failures = countsAnew(error) ? 1 : failures + 1;
        if (failures >= maxAttempts || isDoNotRetry(error)) return throwError(() => error);
        const asked = Math.min(retryAfterOf(error) ?? 0, maxRetryAfter);
        const wait = Math.max(delay(failures, error), asked);
        if (!Number.isFinite(wait)) {
          throw new InvalidTransferOptionError('delay', `gave ${wait} ms`, { cause: error });
        }
        onRetry?.(error, { failures, wait });
        return countdown(wait, scheduler).pipe(
          tap((event) => countdown$.next(event)),
          ignoreElements(),
          endWith(undefined),
        );
      };
      const attempts$ = attempt$.pipe(
        retry({ delay: waitBeforeNext$ }),
        tap({ complete: () => countdown$.complete() }),
      );
      return merge(countdown$, attempts$);
    });
}

/** Emits the seconds left at once and then each second; completes after `wait` ms. */
function countdown(wait: number, scheduler: SchedulerLike): Observable<ProgressEvent> {
  const seconds = Math.ceil(wait / 1000);
  const firstTick = wait - (seconds - 1) * 1000;
  const ticks$ = seconds > 0 ? timer(firstTick, 1000, scheduler) : timer(0, scheduler);
  const retryIn = (left: number): ProgressEvent => progressEvent('Retrying', { retryIn: left });
  return merge(
    seconds > 0 ? [retryIn(seconds)] : [],
    ticks$.pipe(
      map((tick) => seconds - 1 - tick),
      takeWhile((left) => left > 0),
      map(retryIn),
    ),
  );
}
