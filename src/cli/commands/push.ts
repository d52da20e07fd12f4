import { parseReference } from '../../oci/index.js';
import type { MoveOptions } from '../options.js';
import { runSession } from '../session.js';
import { showProgress } from '../show-progress.js';
import { printCopied } from '../print-copied.js';

/** `rxfer push REF [SOURCE]` */
export async function push(
  reference: string,
  source: string | undefined,
  options: MoveOptions,
): Promise<void> {
  parseReference(reference);
  const from = (source ?? reference).replace(/^store:/, '');
  parseReference(from);
  const begin = performance.now();
  const event = await runSession(options, ({ rxfer }) =>
    rxfer.push(reference, { source: from }).pipe(showProgress(options)),
  );
  printCopied(reference, event, options.format, performance.now() - begin);
}
