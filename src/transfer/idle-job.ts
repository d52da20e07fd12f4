import type { Observable } from 'rxjs';
import type { TransferContext, TransferJob } from './job.js';
import type { ProgressEvent, TransferEvent } from './progress.js';

/** What is known of a job that does nothing until it has a slot. */
export interface IdleJob<T> {
  /** What it emits first of all. */
  readonly opening: ProgressEvent | undefined;
  /** What it emits then when it has to wait. */
  readonly waits: ProgressEvent;
  /** What it does once it has its slot. */
  run(context: TransferContext): Observable<TransferEvent<T>>;
}

/** Marks a job with what the kernel may do in its place, without a subscription. */
export function markIdle<T>(job: TransferJob<T>, idle: IdleJob<T>): TransferJob<T> {
  return Object.assign(job, { [idleUntilStarted]: idle });
}

/** What a job was marked with. */
export function idleJobOf<T>(job: TransferJob<T>): IdleJob<T> | undefined {
  return (job as { readonly [idleUntilStarted]?: IdleJob<T> })[idleUntilStarted];
}

const idleUntilStarted = Symbol('idleUntilStarted');
