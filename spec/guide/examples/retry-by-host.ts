import { defaultRetryDelay, RateLimitedError, RxferError } from 'rxfer';

const secondsByHost: Readonly<Record<string, number>> = {
  // Our own: soon again, it is behind a load balancer.
  'registry.internal': 0.5,
  // Everybody's: don't be a nuisance.
  'docker.io': 30,
};

/** For `createRxfer({ delay: delayByHost })`: the wait in ms before the next attempt. */
export function delayByHost(failures: number, error: unknown): number {
  if (error instanceof RateLimitedError && error.retryAfter !== undefined) return error.retryAfter;
  const host = error instanceof RxferError ? error.host : undefined;
  const seconds = host === undefined ? undefined : secondsByHost[host];
  return seconds === undefined ? defaultRetryDelay(failures) : seconds * 1000 * failures;
}
