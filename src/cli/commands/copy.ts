import { parseLocation } from '../../image/index.js';
import type { MoveOptions } from '../options.js';
import { printCopied } from '../print-copied.js';
import { runSession } from '../session.js';
import { showProgress } from '../show-progress.js';

/** `rxfer copy SRC DST` */
export async function copy(
  source: string,
  destination: string,
  options: MoveOptions,
): Promise<void> {
  parseLocation(source);
  parseLocation(destination);
  const { platform } = options;
  const begin = performance.now();
  const event = await runSession(options, ({ rxfer }) =>
    rxfer
      .copy(source, destination, platform === undefined ? {} : { platform })
      .pipe(showProgress(options)),
  );
  printCopied(destination, event, options.format, performance.now() - begin);
}
