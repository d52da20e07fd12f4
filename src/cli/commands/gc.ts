import { fromAbortable } from '../../distribution/index.js';
import type { Collection } from '../../layer/index.js';
import { formatBytes } from '../../progress/index.js';
import { counted } from '../counted.js';
import type { StoreOptions } from '../options.js';
import { runSession } from '../session.js';

/** The options of `rxfer gc`. */
export interface GcOptions extends StoreOptions {
  readonly format: 'text' | 'json';
  readonly dryRun?: boolean;
}

/** `rxfer gc` */
export async function gc(options: GcOptions): Promise<void> {
  const mode = options.dryRun === true ? 'dry run' : 'remove';
  const collected = await runSession(options, ({ store }) =>
    fromAbortable((signal) => store.collect({ mode, signal })),
  );
  if (options.format === 'json') console.log(JSON.stringify({ ...collected, mode }));
  else for (const line of linesOf(collected, mode)) console.log(line);
}

function* linesOf(collected: Collection, mode: 'remove' | 'dry run'): Generator<string> {
  const { layers, blobs, partials, bytes } = collected;
  for (const chainID of layers) yield `layer    ${chainID}`;
  for (const digest of blobs) yield `blob     ${digest}`;
  for (const digest of partials) yield `partial  ${digest}`;
  const counts = [
    counted(layers.length, 'layer'),
    counted(blobs.length, 'blob'),
    counted(partials.length, 'partial download'),
  ].join(', ');
  const done = mode === 'remove' ? 'removed' : 'would be removed';
  yield `${counts} ${done}, ${formatBytes(bytes)}`;
}
