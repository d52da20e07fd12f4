import { defer, tap, type MonoTypeOperatorFunction } from 'rxjs';
import type { PullEvent } from './events.js';

/**
 * Gives up the leases of a result that doesn't reach its reader, because of an error or since the
 * reader has left. From the moment that it is handed over they are the reader's, who may leave as
 * soon as it is there.
 *
 * ```
 * source:     --p-r|
 * take(1) r:      r|         holds them
 * left:       --p!           released
 * failed:     --p-#          released
 * ```
 */
export function handOver(release: () => void): MonoTypeOperatorFunction<PullEvent> {
  return (events$) =>
    defer(() => {
      let isHandedOver = false;
      return events$.pipe(
        tap({
          next: ({ kind }) => {
            if (kind === 'result') isHandedOver = true;
          },
          error: release,
          unsubscribe: () => {
            if (!isHandedOver) release();
          },
        }),
      );
    });
}
