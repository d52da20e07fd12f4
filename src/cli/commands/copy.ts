import { parseLocation } from '../../image/index.js';
import { moveImages } from '../move-images.js';
import { hostsOf } from '../open-client.js';
import type { MoveOptions } from '../options.js';
import { moveOptionsOf, refusePlatformOfAll } from '../platform-options.js';
import { printCopied } from '../print-copied.js';

/** `rxfer copy SRC DST` */
export async function copy(
  source: string,
  destination: string,
  options: MoveOptions,
): Promise<void> {
  const from = parseLocation(source);
  const to = parseLocation(destination);
  refusePlatformOfAll(options);
  // What a registry has of the images in the store is mounted there.
  const usesStore = from.kind === 'store' || to.kind === 'store' || to.kind === 'registry';
  const begin = performance.now();
  const event = await moveImages(
    {
      ...options,
      hosts: hostsOf([from, to]),
      storeUse: usesStore ? undefined : 'untouched',
      pushedTo: to.kind === 'store' ? undefined : destination,
    },
    (rxfer) => rxfer.copy(source, destination, moveOptionsOf(options)),
  );
  printCopied(destination, event, options.format, performance.now() - begin);
}
