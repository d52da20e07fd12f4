import { parseUnpackLocation, type ReusedFiles } from '../../image/index.js';
import type { SharingMode } from '../../layer/index.js';
import { counted } from '../counted.js';
import { moveImages } from '../move-images.js';
import { hostsOf } from '../open-client.js';
import type { MoveOptions } from '../options.js';
import { moveOptionsOf } from '../platform-options.js';

/** The options of `rxfer unpack`. */
export interface UnpackOptions extends MoveOptions {
  readonly link?: SharingMode;
}

/** `rxfer unpack SRC DIR` */
export async function unpack(
  source: string,
  directory: string,
  options: UnpackOptions,
): Promise<void> {
  const location = parseUnpackLocation(source);
  const hosts = hostsOf([location]);
  const storeUse = location.kind === 'store' ? undefined : 'untouched';
  const { link } = options;
  const event = await moveImages({ ...options, hosts, storeUse }, (rxfer) =>
    rxfer.unpack(source, directory, { ...moveOptionsOf(options), ...(link && { link }) }),
  );
  if (event.kind !== 'result') return;
  const { omissions, reused } = event;
  if (options.format === 'json') {
    const result = { reference: source, directory: event.directory, omissions, reused };
    console.log(JSON.stringify(result));
    return;
  }
  console.log(event.directory);
  if (reused !== undefined) console.error(describe(reused));
  if (omissions.length > 0) console.error(`Not restored here: ${omissions.join(', ')}`);
}

function describe({ layers, linked, cloned, copied }: ReusedFiles): string {
  const counts = `${linked} files linked, ${cloned} cloned, ${copied} copied`;
  const caution = linked === 0 ? '' : "; don't write to linked files, they are the store's";
  return `From ${counted(layers, 'unpacked layer')}: ${counts}${caution}`;
}
