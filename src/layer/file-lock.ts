import { firstValueFrom, timer, type SchedulerLike } from 'rxjs';
import * as lockfile from 'proper-lockfile';
import { silentLogger, type Logger } from '../transfer/index.js';
import { LockEntry } from './lock-entry.js';
import { processOf } from './lock-owner.js';

/**
 * A lock is kept alive every two seconds, and taken over when its holder has been silent for 15.
 * That is for holders on another machine; of one on this, it is known whether it still runs.
 */
const timing = { update: 2000, stale: 15_000 };
const pollInterval = 25;

/** A lock that is held. */
export interface FileLock {
  /** Another has taken it over, since this process was silent for too long. */
  readonly lost: boolean;
  /** Gives it back; further calls do nothing. */
  unlock(): Promise<void>;
}

/** How a lock is waited for. */
export interface LockWaiting {
  /** The time between two looks at whether it is free. */
  readonly scheduler: SchedulerLike;
  readonly logger: Logger;
}

/** Takes a lock on a path, among processes as within this one; waits while another holds it. */
export async function lockFile(
  file: string,
  signal: AbortSignal,
  { scheduler, logger }: LockWaiting,
): Promise<FileLock> {
  for (let isWaiting = false; ; isWaiting = true) {
    signal.throwIfAborted();
    const lock = await tryLock(file, logger);
    if (lock !== undefined) return lock;
    if (!isWaiting) logger.debug({ path: file }, 'waiting for a lock');
    await firstValueFrom(timer(pollInterval, scheduler));
  }
}

/** Takes a lock on a path, or `undefined` when another holds it. */
export async function tryLock(
  file: string,
  logger: Logger = silentLogger,
): Promise<FileLock | undefined> {
  let lost = false;
  const onAbandoned = (owner: string): void =>
    logger.warn({ path: file, process: processOf(owner) }, 'abandoned lock removed');
  try {
    const release = await lockfile.lock(file, {
      ...timing,
      fs: new LockEntry(onAbandoned),
      realpath: false,
      onCompromised: () => (lost = true),
    });
    return {
      get lost() {
        return lost;
      },
      unlock: () => release().catch(() => undefined),
    };
  } catch (error) {
    if ((error as { code?: string }).code === 'ELOCKED') return undefined;
    throw error;
  }
}
