import { RxferError } from './errors.js';

/**
 * Wraps an error that no retry can cure, so that {@link retryTransfer} gives up at once.
 *
 * The message is the cause's own; the wrapper is found by {@link isDoNotRetry} at any depth.
 */
export class DoNotRetry extends RxferError {
  override readonly name = 'DoNotRetry';

  constructor(cause: unknown) {
    super('ERR_DO_NOT_RETRY', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/**
 * Tells whether a {@link DoNotRetry} stands anywhere in the error's `cause` chain, or in the
 * errors of an `AggregateError` met on the way. Cycles end the search.
 */
export function isDoNotRetry(error: unknown): boolean {
  const seen = new Set<unknown>();
  const open: unknown[] = [error];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    if (next instanceof DoNotRetry) return true;
    seen.add(next);
    // By shape rather than by class: errors come from other realms too, such as a frame's.
    if ('cause' in next) open.push(next.cause);
    if ('errors' in next && Array.isArray(next.errors)) open.push(...(next.errors as unknown[]));
  }
  return false;
}
