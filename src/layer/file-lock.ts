import { firstValueFrom, timer, type SchedulerLike } from 'rxjs';
import * as lockfile from 'proper-lockfile';

/**
 * A lock is kept alive each second, and taken over when its holder has been silent for five, as
 * a killed process is.
 */
const timing = { update: 1000, stale: 5000 };
const pollInterval = 100;

/** Gives a lock back. */
export type Unlock = () => Promise<void>;

/** Takes a lock on a path, among processes as within this one; waits while another holds it. */
export async function lockFile(
  file: string,
  signal: AbortSignal,
  scheduler: SchedulerLike,
): Promise<Unlock> {
  for (;;) {
    signal.throwIfAborted();
    const unlock = await tryLock(file);
    if (unlock !== undefined) return unlock;
    await firstValueFrom(timer(pollInterval, scheduler));
  }
}

/** Takes a lock on a path, or `undefined` when another holds it. */
export async function tryLock(file: string): Promise<Unlock | undefined> {
  try {
    const release = await lockfile.lock(file, {
      ...timing,
      realpath: false,
      // A machine that slept may lose a lock. What follows is safe without: each publishing
      // rename puts verified content in place, whoever wins.
      onCompromised: () => undefined,
    });
    return () => release().catch(() => undefined);
  } catch (error) {
    if ((error as { code?: string }).code === 'ELOCKED') return undefined;
    throw error;
  }
}
