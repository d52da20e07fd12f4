/**
 * How far a transfer is. The words of the phases are the job's own; rxfer's layer managers use
 * those known from `docker pull` and `docker push`.
 */
export interface Progress {
  /** What is being done now, such as `Downloading`. */
  readonly phase: string;
  /** Bytes done, for phases that move bytes. */
  readonly current?: number;
  /** Bytes in all, where known. */
  readonly total?: number;
  /** Whole seconds left until the next attempt, in the phase `Retrying` alone. */
  readonly retryIn?: number;
}

/** Where a transfer stands: any number of `progress`, then one `result` with what it made. */
export type TransferEvent<T> = ProgressEvent | ResultEvent<T>;

/** News on the way. A watcher that joins late gets the latest one at once. */
export interface ProgressEvent {
  readonly kind: 'progress';
  readonly progress: Progress;
}

/** What the transfer was for. */
export interface ResultEvent<T> {
  readonly kind: 'result';
  readonly value: T;
}

/** A {@link ProgressEvent} for `phase`, with bytes where the phase moves any. */
export function progressEvent(phase: string, bytes: Omit<Progress, 'phase'> = {}): ProgressEvent {
  return { kind: 'progress', progress: { phase, ...bytes } };
}

/** A {@link ResultEvent} that carries `value`. */
export function resultEvent<T>(value: T): ResultEvent<T> {
  return { kind: 'result', value };
}
