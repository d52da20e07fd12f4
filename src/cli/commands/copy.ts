import { parseLocation } from '../../image/index.js';
import { moveImages } from '../move-images.js';
import { moveOptionsOf, refusePlatformOfAll, type MoveOptions } from '../options.js';
import { printCopied } from '../print-copied.js';
import { hostsOf } from '../registry-options.js';

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
