import { catchError, EMPTY, filter, firstValueFrom, lastValueFrom, type Observable } from 'rxjs';
import { CancelledError, createEngine, type EngineOptions } from '../engine/index.js';
import type { PullEvent } from '../image/index.js';
import { InterruptedError, interrupted$ } from './interrupt.js';
import { pageFolder } from './page-folder.js';
import { untilInterrupted } from './session.js';

/** The pulls of the demonstration, by reference. */
export type DemoPulls = ReadonlyMap<string, Observable<PullEvent>>;

/**
 * Shows pulls in a dashboard: waits for somebody to open it, and lets them look at it in the end
 * until they interrupt. A pull that they cancel there is no failure.
 */
export async function withDashboard<T>(
  address: string,
  options: EngineOptions,
  pulls: DemoPulls,
  show: (pulls: DemoPulls) => Promise<T>,
): Promise<T> {
  const engine = createEngine(options);
  try {
    console.error(`Open ${await engine.openDashboard(address, pageFolder)}`);
    const opened$ = engine.dashboardReaders$.pipe(filter((readers) => readers > 0));
    await firstValueFrom(untilInterrupted(opened$));
    const tracked = [...pulls].map(([reference, pull$]) => {
      const shown$ = engine.track('pull', reference, pull$);
      return [reference, shown$.pipe(catchError(unlessCancelled))] as const;
    });
    const outcome = await show(new Map(tracked));
    console.error('\nThe dashboard stays until Ctrl-C');
    await lastValueFrom(interrupted$.pipe(catchError(unlessInterrupted)), { defaultValue: null });
    return outcome;
  } finally {
    await engine.close();
  }
}

function unlessCancelled(error: unknown): Observable<never> {
  if (error instanceof CancelledError) return EMPTY;
  throw error;
}

function unlessInterrupted(error: unknown): Observable<never> {
  if (error instanceof InterruptedError) return EMPTY;
  throw error;
}
