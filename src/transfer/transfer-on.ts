import type { MonoTypeOperatorFunction } from 'rxjs';
import type { TransferEvent } from './progress.js';
import type { TransferManager, TransferOptions } from './transfer-manager.js';
import { whenStarted } from './when-started.js';

/**
 * Makes the source the transfer of `key`: it is subscribed once it has a slot, and shared by all
 * who ask for the key meanwhile. Use it at the end of a pipe that describes the work.
 *
 * ```
 * another holds the slot:    ^----!
 * source:                         d-d-(r|)
 * transferOn:                w----d-d-(r|)
 * ```
 *
 * Errors and completes as the source does, which frees the key. Where a transfer of the key is
 * alive, it is joined and this source is not subscribed.
 *
 * @example
 * load(url).pipe(map(resultEvent), transferOn(manager, url)).subscribe(console.log);
 */
export function transferOn<T>(
  manager: TransferManager<T>,
  key: string,
  options: TransferOptions = {},
): MonoTypeOperatorFunction<TransferEvent<T>> {
  return (source$) =>
    manager.transfer(
      key,
      whenStarted(() => source$),
      options,
    );
}
