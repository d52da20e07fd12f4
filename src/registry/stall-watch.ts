import { interval, type SchedulerLike, type Subscription } from 'rxjs';
import { errors, type Dispatcher } from 'undici';

/** How long servers may be silent, in ms; 0: any time. */
export interface Patience {
  /** From a request to its answer. */
  readonly headersTimeout: number;
  /** From one byte of a body to the next. */
  readonly bodyTimeout: number;
  readonly scheduler: SchedulerLike;
}

const checksPerTimeout = 4;

type Handler = Required<Dispatcher.DispatchHandler>;
type Controller = Dispatcher.DispatchController;

/**
 * Aborts requests whose server has fallen silent, by the scheduler's time; undici's own timers know
 * none but the system's. Time in which nobody takes the bytes that are there doesn't count.
 *
 * A request that has a body may be long under way before it is answered, and only undici sees how
 * that goes: its answer is waited for by undici's timer.
 */
export function watchForStalls(patience: Patience): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const isWatched = options.body === undefined || options.body === null;
    const { headersTimeout } = patience;
    return dispatch(
      { ...options, bodyTimeout: 0, headersTimeout: isWatched ? 0 : headersTimeout },
      new StallWatch(handler, isWatched ? patience : { ...patience, headersTimeout: 0 }),
    );
  };
}

class StallWatch implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #patience: Patience;
  /** When the server was last known not to keep anybody waiting. */
  #since = 0;
  #checks: Subscription | undefined;

  constructor(handler: Dispatcher.DispatchHandler, patience: Patience) {
    this.#handler = handler;
    this.#patience = patience;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    const { headersTimeout } = this.#patience;
    this.#watch(controller, headersTimeout, () => new errors.HeadersTimeoutError());
    this.#handler.onRequestStart?.(controller, context);
  }

  onResponseStart(...[controller, status, ...rest]: Parameters<Handler['onResponseStart']>): void {
    if (status >= 200) {
      const { bodyTimeout } = this.#patience;
      this.#watch(controller, bodyTimeout, () => new errors.BodyTimeoutError());
    }
    this.#handler.onResponseStart?.(controller, status, ...rest);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#since = this.#patience.scheduler.now();
    this.#handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(...[controller, trailers]: Parameters<Handler['onResponseEnd']>): void {
    this.#checks?.unsubscribe();
    this.#handler.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#checks?.unsubscribe();
    this.#handler.onResponseError?.(controller, error);
  }

  #watch(controller: Controller, timeout: number, error: () => Error): void {
    const { scheduler } = this.#patience;
    this.#checks?.unsubscribe();
    if (timeout === 0) return;
    this.#since = scheduler.now();
    // Several times in a timeout, so that a reader that was slow until just now isn't taken for
    // a server that is.
    this.#checks = interval(timeout / checksPerTimeout, scheduler).subscribe(() => {
      const now = scheduler.now();
      if (controller.paused) this.#since = now;
      else if (now - this.#since >= timeout) controller.abort(error());
    });
  }
}
