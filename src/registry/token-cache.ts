import {
  finalize,
  firstValueFrom,
  merge,
  Observable,
  share,
  take,
  tap,
  type SchedulerLike,
} from 'rxjs';
import { abortableRequest } from './abortable-request.js';

/** A bearer token and the time, by the client's clock in ms, from which it isn't used any more. */
export interface Token {
  readonly value: string;
  readonly expires: number;
}

/** Asks a token server. */
export type TokenRequest = (signal: AbortSignal) => Promise<Token>;

/** Tokens by what they are for, each fetched once for all who want it at the same time. */
export class TokenCache {
  readonly #scheduler: SchedulerLike;
  readonly #held = new Map<string, Token>();
  readonly #fetches = new Map<string, Observable<Token>>();

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler;
  }

  /**
   * The token for `key`: the one that is held unless it has expired or is `refused`, else the one
   * that `request` gets. A request is aborted when the last who waits for it has gone.
   */
  async get(
    key: string,
    request: TokenRequest,
    signal: AbortSignal,
    refused?: string,
  ): Promise<string> {
    const held = this.#held.get(key);
    if (held !== undefined && held.value !== refused && held.expires > this.#scheduler.now()) {
      return held.value;
    }
    const fetch$ = this.#fetches.get(key) ?? this.#fetch(key, request);
    const token = await firstValueFrom(merge(aborted(signal), fetch$).pipe(take(1)));
    return token.value;
  }

  #fetch(key: string, request: TokenRequest): Observable<Token> {
    const fetch$ = abortableRequest(request).pipe(
      tap((token) => this.#held.set(key, token)),
      finalize(() => this.#fetches.delete(key)),
      share(),
    );
    this.#fetches.set(key, fetch$);
    return fetch$;
  }
}

function aborted(signal: AbortSignal): Observable<never> {
  return new Observable((subscriber) => {
    const abort = (): void => subscriber.error(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    return () => signal.removeEventListener('abort', abort);
  });
}
