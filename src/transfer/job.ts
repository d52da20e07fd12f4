import type { Observable } from 'rxjs';
import type { TransferEvent } from './progress.js';

/**
 * What a transfer does. Called once per transfer, on its first watcher; the Observable it returns
 * is subscribed once however many watchers there are, and unsubscribed when the last one leaves.
 *
 * A job waits for {@link TransferContext.start$} before it moves data; {@link whenStarted} writes
 * such a job in one line. It emits progress and a result, and may live on after the result: the
 * key is then taken, and the result replayed to whoever joins, until it completes or nobody
 * watches any more. What it throws or errors with is the transfer's error, told to all.
 *
 * ```
 * another holds the slot:    ^----!
 * start$:                    -----(s|)
 * job:                       w----d-d-(r|)      w: Waiting   d: Downloading   r: result
 * ```
 *
 * ```
 * lives on after r:    -p-r------
 * first watches:       ^------!
 * second watches:      -----^---!       then nobody does, which ends the job
 * second hears:        -----r
 * ```
 */
export type TransferJob<T> = (context: TransferContext) => Observable<TransferEvent<T>>;

/** What a job is given to work with. */
export interface TransferContext {
  /**
   * Emits once and completes when the transfer gets its slot, also to those who subscribe later.
   * Stays silent when the transfer is cancelled before, or has given up its place by `inactive()`. Never
   * errors.
   */
  readonly start$: Observable<void>;
  /** Whether the transfer has got its slot: `start$` emits at once to whoever subscribes now. */
  readonly started: boolean;
  /**
   * Aborted when the transfer is cancelled or has failed, before its Observable is unsubscribed.
   * For work that understands signals, such as HTTP requests.
   */
  readonly signal: AbortSignal;
  /**
   * Says that the job moves no more data: the slot goes to the next in line and the job goes on
   * without. Called while still waiting, it gives up the place in line. Further calls do nothing.
   *
   * ```
   * limit 1   a: p--q----(r|)      calls it at q
   *           b: w--p--(s|)
   * ```
   */
  inactive(): void;
  /**
   * Adds work to be done when the transfer is over, in every outcome, such as waiting for a file
   * to be closed. The Observable is subscribed after the job's own was unsubscribed; until it has
   * completed, the next transfer of this key doesn't start. An error in it counts as its end. What
   * is added when that is over already is subscribed at once, and nobody waits for it.
   *
   * ```
   * first watches:     ^--!
   * work$:             ----|             subscribed when the last watcher has left
   * second watches:    ----^
   * second hears:      --------q-(r|)    begins once work$ has completed
   * ```
   */
  cleanup(work$: Observable<unknown>): void;
}
