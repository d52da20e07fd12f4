import type { MoveOptions as MovedImage } from '../image/index.js';
import { parsePlatform } from '../oci/index.js';
import type { MoveOptions } from './options.js';
import { UsageError } from './usage-error.js';

/**
 * How much of an image a command moves, by its options.
 *
 * @throws InvalidPlatformError
 */
export function moveOptionsOf({
  platform,
  all = false,
  referrers = false,
  allowForeignLayers: foreignLayers,
}: Pick<MoveOptions, 'platform' | 'all' | 'referrers' | 'allowForeignLayers'>): MovedImage {
  return {
    ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
    ...(all ? { platforms: 'all' } : {}),
    ...(referrers ? { referrers: 'all' } : {}),
    ...(foreignLayers === undefined ? {} : { foreignLayers }),
  };
}

/** @throws UsageError where one platform of all is asked for, which only a pull can unpack. */
export function refusePlatformOfAll({ platform, all }: MoveOptions): void {
  if (platform === undefined || all !== true) return;
  throw new UsageError('--all and --platform exclude each other here', 'Leave one of them out.');
}
