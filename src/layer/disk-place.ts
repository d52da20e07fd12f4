import type { DiskLayout } from './disk-layout.js';
import type { DiskSessions } from './disk-sessions.js';
import type { LockWaiting } from './file-lock.js';
import type { UnpackLimits } from './limits.js';
import type { SyncBarrier } from './sync-barrier.js';
import type { UnpackTurns } from './unpack-turns.js';

/** What the parts of one opened store on disk share. */
export interface DiskPlace extends LockWaiting {
  readonly layout: DiskLayout;
  readonly sessions: DiskSessions;
  /** Puts on the disk what sessions have written. */
  readonly barrier: Pick<SyncBarrier, 'pass'>;
  readonly turns: UnpackTurns;
  /** What a layer may unpack to. */
  readonly limits: UnpackLimits;
}
