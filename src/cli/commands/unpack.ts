import { parseReference } from '../../oci/index.js';
import type { MoveOptions } from '../options.js';
import { runSession } from '../session.js';
import { showProgress } from '../show-progress.js';

/** `rxfer unpack REF DIR` */
export async function unpack(
  reference: string,
  directory: string,
  options: MoveOptions,
): Promise<void> {
  parseReference(reference);
  const event = await runSession(options, ({ rxfer }) =>
    rxfer.unpack(reference, directory).pipe(showProgress(options)),
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
