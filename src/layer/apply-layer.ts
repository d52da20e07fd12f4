import * as path from 'node:path';
import type { Readable } from 'node:stream';
import { applyEntries, type AppliedLayer, type ApplyEntriesOptions } from './apply-entries.js';
import { layerFault } from './layer-fault.js';
import { readTar } from './tar-reader.js';

/** How {@link applyLayer} unpacks. The signal destroys the tar, too. */
export type ApplyLayerOptions = ApplyEntriesOptions;

/**
 * Unpacks a layer's uncompressed tar onto the folder `root` (OCI image spec, layer.md).
 *
 * Nothing is written outside `root`, whatever the archive holds. As root, owners, modes, times,
 * hard links and devices come out as in the archive; as a plain user what is possible does, and
 * the rest is named in the result. Folders get their modes and times at the end; one that was
 * there before and has no entry of its own keeps its time.
 *
 * @param tarStream read to its end, or destroyed.
 * @throws InvalidLayerError for an archive that is damaged, truncated or not to be unpacked;
 * LayerLimitError for one that is larger than the limits.
 */
export async function applyLayer(
  tarStream: Readable,
  root: string,
  options: ApplyLayerOptions,
): Promise<AppliedLayer> {
  const { signal } = options;
  const stop = (): void => void tarStream.destroy(signal?.reason as Error);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    signal?.throwIfAborted();
    return await applyEntries(readTar(tarStream), path.resolve(root), options);
  } catch (error) {
    signal?.throwIfAborted();
    throw layerFault(error);
  } finally {
    signal?.removeEventListener('abort', stop);
    tarStream.destroy();
  }
}
