import type { PulledImage } from '../../image/index.js';
import { formatPlatform, parseReference } from '../../oci/index.js';
import { formatBytes } from '../../progress/index.js';
import type { MoveOptions } from '../options.js';
import { runSession } from '../session.js';
import { showProgress } from '../show-progress.js';

/** `rxfer pull REF` */
export async function pull(reference: string, options: MoveOptions): Promise<void> {
  parseReference(reference);
  const { platform, progress, format } = options;
  const begin = performance.now();
  const result = await runSession(options, ({ rxfer }) =>
    rxfer.pull(reference, platform === undefined ? {} : { platform }).pipe(showProgress(progress)),
  );
  if (result.kind !== 'result') return;
  result.release();
  const seconds = Math.round(performance.now() - begin) / 1000;
  const { image, bytes } = result;
  console.log(format === 'json' ? json(image, bytes, seconds) : text(image, bytes, seconds));
}

function json(image: PulledImage, bytes: number, seconds: number): string {
  const { reference, resolved, platform, config, layers, diffIDs, chainIDs, statuses } = image;
  return JSON.stringify({
    reference,
    digest: resolved,
    platform: platform === undefined ? undefined : formatPlatform(platform),
    config,
    layers: layers.map(({ digest, size }, index) => ({
      digest,
      diffID: diffIDs[index],
      chainID: chainIDs[index],
      size,
      status: statuses[index],
    })),
    bytes,
    seconds,
  });
}

function text(image: PulledImage, bytes: number, seconds: number): string {
  const { reference, resolved, statuses } = image;
  const pulled = statuses.filter((status) => status === 'pulled').length;
  const existed = statuses.length - pulled;
  const layers = `${pulled} layers pulled, ${existed} there before`;
  return `${reference}\n${resolved}\n${layers}, ${formatBytes(bytes)} in ${seconds.toFixed(1)} s`;
}
