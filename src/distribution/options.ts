import type { SchedulerLike } from 'rxjs';

/** What the layer managers are built with. */
export interface LayerManagerOptions {
  /** Layers that move data at a time; 0: any number. Default 3 for downloads, 5 for uploads. */
  readonly concurrency?: number;
  /** Attempts per layer, the first included. Default 5. */
  readonly maxAttempts?: number;
  /** The wait before the next attempt, in ms. Default 5,000 ms × failures in a row. */
  readonly delay?: (failures: number, error: unknown) => number;
  /** The longest wait, in ms, that a server is granted which asks for more. Default 300,000. */
  readonly maxRetryAfter?: number;
  /** The time of the waits. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}
