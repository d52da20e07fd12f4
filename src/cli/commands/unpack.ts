import { parseReference } from '../../oci/index.js';
import { moveImages } from '../move-images.js';
import type { MoveOptions } from '../options.js';

/** `rxfer unpack REF DIR` */
export async function unpack(
  reference: string,
  directory: string,
  options: MoveOptions,
): Promise<void> {
  parseReference(reference);
  const event = await moveImages({ ...options, hosts: [] }, ({ rxfer }) =>
    rxfer.unpack(reference, directory),
  );
  if (event.kind !== 'result') return;
  const { omissions } = event;
  if (options.format === 'json') {
    console.log(JSON.stringify({ reference, directory: event.directory, omissions }));
    return;
  }
  console.log(event.directory);
  if (omissions.length > 0) console.error(`Not restored here: ${omissions.join(', ')}`);
}
