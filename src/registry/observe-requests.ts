import type { SchedulerLike } from 'rxjs';
import { errorFields, type Logger } from '../transfer/index.js';

/** What anybody may know of an HTTP request. */
export interface RequestFacts {
  readonly method: string;
  /** `name[:port]`. */
  readonly host: string;
  /**
   * Without the query. `undefined` on hosts that a registry has sent us to: their addresses may be
   * signed in whatever part of them.
   */
  readonly path: string | undefined;
}

/**
 * Sees a request from its beginning until its answer's headers are there, or it fails. Calls `send`
 * once, and passes on what comes of it.
 */
export type RequestObserver = <T extends { readonly status: number }>(
  facts: RequestFacts,
  send: () => Promise<T>,
) => Promise<T>;

/** Tells of each request once it is answered or has failed, for debugging. */
export function loggedRequests(logger: Logger, scheduler: SchedulerLike): RequestObserver {
  return async ({ method, host, path }, send) => {
    const begin = scheduler.now();
    const facts = { method, host, ...(path === undefined ? {} : { path }) };
    try {
      const answer = await send();
      const { status } = answer;
      logger.debug({ ...facts, status, ms: scheduler.now() - begin }, 'HTTP request');
      return answer;
    } catch (error) {
      const failure = { ...errorFields(error), ...facts, ms: scheduler.now() - begin };
      logger.debug(failure, 'HTTP request failed');
      throw error;
    }
  };
}
