import { EmptyError, lastValueFrom, type Observable } from 'rxjs';
import { RxferError } from './errors.js';
import { onlyResult } from './only-result.js';
import type { TransferEvent } from './progress.js';
import { untilAborted } from './until-aborted.js';

/** How a promise or an iteration of a transfer can be ended early. */
export interface ExitOptions {
  /** Aborted, the transfer is unsubscribed and the exit rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A transfer that completed without a result. */
export class NoResultError extends RxferError {
  override readonly name = 'NoResultError';

  constructor(cause: unknown) {
    super('ERR_NO_RESULT', 'The transfer completed without a result', {
      cause,
      hint: 'A job emits a result before it completes; see resultEvent.',
    });
  }
}

/**
 * The way out of Observables to a promise: watches the transfer and resolves with its result when
 * it completes. Use it at the edge of a program, where something awaits.
 *
 * ```
 * transfer$:   --p--q--(r|)
 * watched:     ^-------!          and then resolves with the value of r
 * ```
 *
 * Rejects with the transfer's error, with NoResultError when it completes without a result, and
 * with the signal's reason when that is aborted, which unsubscribes. A job that lives on after its
 * result shares something that somebody has to hold: subscribe to that, rather than await it.
 *
 * @example
 * const value = await resultOf(manager.transfer('a', job), { signal: request.signal });
 */
export async function resultOf<T>(
  transfer$: Observable<TransferEvent<T>>,
  { signal }: ExitOptions = {},
): Promise<T> {
  try {
    return await lastValueFrom(transfer$.pipe(onlyResult(), untilAborted(signal)));
  } catch (error) {
    throw error instanceof EmptyError ? new NoResultError(error) : error;
  }
}
