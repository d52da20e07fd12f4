import { parseReference } from '../../oci/index.js';
import { moveImages } from '../move-images.js';
import type { MoveOptions } from '../options.js';
import { moveOptionsOf } from '../platform-options.js';
import { printCopied } from '../print-copied.js';

/** `rxfer push REF [SOURCE]` */
export async function push(
  reference: string,
  source: string | undefined,
  options: MoveOptions,
): Promise<void> {
  const { host } = parseReference(reference);
  const from = (source ?? reference).replace(/^store:/, '');
  parseReference(from);
  const begin = performance.now();
  const event = await moveImages({ ...options, hosts: [host], pushedTo: reference }, (rxfer) =>
    rxfer.push(reference, { ...moveOptionsOf(options), source: from }),
  );
  printCopied(reference, event, options.format, performance.now() - begin);
}
