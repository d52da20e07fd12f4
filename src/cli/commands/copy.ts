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
  const hosts = hostsOf([source, destination].map(parseLocation));
  const { kind } = parseLocation(destination);
  refusePlatformOfAll(options);
  const begin = performance.now();
  const event = await moveImages(
    { ...options, hosts },
    ({ rxfer }) => rxfer.copy(source, destination, moveOptionsOf(options)),
    kind === 'store' ? undefined : destination,
  );
  printCopied(destination, event, options.format, performance.now() - begin);
}
