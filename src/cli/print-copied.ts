import type { CopyEvent, PullEvent } from '../image/index.js';
import { counted } from './counted.js';
import { imagesJson, imagesText, referrersJson } from './images-json.js';
import { formatBytes } from '../progress/index.js';

/** Prints what a push or copy ended in. */
export function printCopied(
  destination: string,
  event: PullEvent | CopyEvent,
  format: 'text' | 'json',
  milliseconds: number,
): void {
  if (event.kind !== 'result') return;
  if ('release' in event) event.release();
  const { image, bytes } = event;
  const seconds = Math.round(milliseconds) / 1000;
  const { digest } = image.manifest;
  if (format === 'json') {
    const layers = image.layers.map((layer) => ({ digest: layer.digest, size: layer.size }));
    const { config } = image;
    const images = image.images && imagesJson(image.images);
    const referrers = image.referrers && referrersJson(image.referrers);
    const told = { destination, digest, config, images, layers, referrers, bytes, seconds };
    console.log(JSON.stringify(told));
    return;
  }
  const moved = `${imagesText(image)}${counted(image.layers.length, 'layer')}, ${formatBytes(bytes)} moved`;
  console.log(`${destination}\n${digest}\n${moved} in ${seconds.toFixed(1)} s`);
}
