import type { Progress } from './progress.js';

/**
 * Where a transfer is on its way:
 *
 * - `blocked`: waits until the former transfer of its key is down;
 * - `waiting`: in line for a slot;
 * - `active`: holds a slot;
 * - `inactive`: goes on without one, after {@link TransferContext.inactive};
 * - `closing`: ended or cancelled; what its job asked for by {@link TransferContext.cleanup} goes on.
 */
export type TransferPhase = 'blocked' | 'waiting' | 'active' | 'inactive' | 'closing';

/** What {@link TransferManager.transfers$} tells of one transfer. */
export interface LiveTransfer {
  readonly key: string;
  readonly phase: TransferPhase;
  /** How many watch it. */
  readonly watchers: number;
  /** When its first watcher came, in ms of the manager's scheduler. */
  readonly since: number;
  /** The latest progress, where that was its latest event. */
  readonly progress?: Progress;
}
