import type { SchedulerLike } from 'rxjs';
import {
  loggedRetries,
  silentLogger,
  unobserved,
  type Logger,
  type OperationObserver,
  type RetryTransferOptions,
} from '../transfer/index.js';

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
  /** Told of layers that are there, blobs that go on, and further attempts. Default: nobody is. */
  readonly logger?: Logger;
  /** Sees each transfer of a layer, to measure it or make a span of it. Default: nobody does. */
  readonly observeOperation?: OperationObserver;
}

/** What the options say of each transfer, with nothing left to defaults. */
export interface TransferSettings {
  readonly retry: RetryTransferOptions;
  readonly logger: Logger;
  readonly observe: OperationObserver;
}

/** Takes the options of the manager for those of its transfers. */
export function transferSettings({
  logger = silentLogger,
  observeOperation: observe = unobserved,
  ...retry
}: LayerManagerOptions): TransferSettings {
  return { retry: { ...retry, onRetry: loggedRetries(logger) }, logger, observe };
}
