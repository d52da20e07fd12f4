import type { ImageProgressEvent } from '../../src/progress/index.js';
import type { Progress } from '../../src/transfer/index.js';

/** The event of an image whose layers have these ids and sizes, bottom-up. */
export function resolvedImage(
  sizes: Readonly<Record<string, number>>,
  reference = 'example.com/app:1',
): ImageProgressEvent {
  const layers = Object.values(sizes).map((size) => ({ size }));
  const image = { reference, resolved: 'sha256:0123', layers };
  return { kind: 'resolved', image, ids: Object.keys(sizes) };
}

/** News of a layer. */
export function progressOf(
  id: string,
  phase: string,
  bytes: Omit<Progress, 'phase'> = {},
): ImageProgressEvent {
  return { kind: 'progress', id, progress: { phase, ...bytes } };
}

/** The news that a layer is where it was to go. */
export function layerDone(id: string): ImageProgressEvent {
  return { kind: 'layer', id };
}
