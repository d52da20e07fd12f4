import { fromEvent, merge, mergeMap, throwError, type Observable } from 'rxjs';
import { RxferError } from '../transfer/index.js';

/** The user or the system wants us to end. */
export class InterruptedError extends RxferError {
  override readonly name = 'InterruptedError';
  /** 128 and the signal's number, as shells have it. */
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('ERR_INTERRUPTED', 'interrupted');
    this.exitCode = exitCode;
  }
}

/**
 * Errors with an InterruptedError on the first SIGINT or SIGTERM. While what it interrupts is
 * being cleaned up, a second one ends the process at once.
 */
export const interrupted$: Observable<never> = merge(
  signal$('SIGINT', 130),
  signal$('SIGTERM', 143),
);

function signal$(signal: NodeJS.Signals, exitCode: number): Observable<never> {
  return fromEvent(process, signal).pipe(
    mergeMap(() => {
      process.once(signal, () => process.exit(exitCode));
      return throwError(() => new InterruptedError(exitCode));
    }),
  );
}
