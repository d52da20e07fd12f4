/**
 * How long the server that failed asks to be left alone, in ms: the `retryAfter` of the error or of
 * the nearest in its `cause` chain that has one. `undefined` where none says.
 */
export function retryAfterOf(error: unknown): number | undefined {
  const seen = new Set<unknown>();
  let next = error;
  while (typeof next === 'object' && next !== null && !seen.has(next)) {
    // By shape rather than by class: the kernel knows no HTTP.
    if ('retryAfter' in next && typeof next.retryAfter === 'number') return next.retryAfter;
    seen.add(next);
    next = 'cause' in next ? next.cause : undefined;
  }
  return undefined;
}
