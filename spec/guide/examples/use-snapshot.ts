import { useEffect, useState } from 'react';
import type { Observable } from 'rxjs';
import {
  emptySnapshot,
  snapshots,
  type ImageProgressEvent,
  type ProgressSnapshot,
} from 'rxfer/progress';

/** What a component needs to draw a pull. Leaving the page unsubscribes `events$`. */
export interface SnapshotState {
  readonly snapshot: ProgressSnapshot;
  readonly state: 'running' | 'done' | 'failed';
}

/** Subscribes to events while the component is there; pass the same Observable each time. */
export function useSnapshot(events$: Observable<ImageProgressEvent>): SnapshotState {
  const [shown, show] = useState<SnapshotState>({ snapshot: emptySnapshot, state: 'running' });
  useEffect(() => {
    const subscription = snapshots(events$).subscribe({
      next: (snapshot) => show({ snapshot, state: 'running' }),
      error: () => show(({ snapshot }) => ({ snapshot, state: 'failed' })),
      complete: () => show(({ snapshot }) => ({ snapshot, state: 'done' })),
    });
    return () => subscription.unsubscribe();
  }, [events$]);
  return shown;
}
