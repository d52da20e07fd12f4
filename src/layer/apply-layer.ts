import * as path from 'node:path';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { shownPath } from './byte-path.js';
import { InvalidLayerError, LayerLimitError } from './errors.js';
import { EntryWriter } from './entry-writer.js';
import { layerFault } from './layer-fault.js';
import { defaultLimits, type UnpackLimits } from './limits.js';
import { hasCode } from './system-errors.js';
import { readTar } from './tar-reader.js';
import { UnpackedTree } from './unpacked-tree.js';
import { Whiteouts } from './whiteouts.js';

/** How {@link applyLayer} unpacks. */
export interface ApplyLayerOptions extends UnpackLimits {
  /**
   * `apply` removes what the layer's whiteouts hide from those below; `keep` writes the markers
   * themselves, for a layer that is stored on its own (OCI image spec, layer.md, Whiteouts).
   */
  readonly whiteouts: 'apply' | 'keep';
  /** Stops the unpacking and destroys the tar. What was written stays for the caller to remove. */
  readonly signal?: AbortSignal;
}

/** What {@link applyLayer} did. */
export interface AppliedLayer {
  readonly entries: number;
  /** What this user or file system couldn't do, one line a kind, such as `owner` or `device`. */
  readonly omissions: readonly string[];
}

/** Entries between two turns of the event loop. */
const breath = 128;

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
    return await unpack(tarStream, path.resolve(root), options);
  } catch (error) {
    signal?.throwIfAborted();
    throw layerFault(error);
  } finally {
    signal?.removeEventListener('abort', stop);
    tarStream.destroy();
  }
}

async function unpack(
  tarStream: Readable,
  root: string,
  { whiteouts, signal, ...limits }: ApplyLayerOptions,
): Promise<AppliedLayer> {
  const { maxEntries = defaultLimits.maxEntries, maxSize = defaultLimits.maxSize } = limits;
  const tree = new UnpackedTree(root);
  const writer = new EntryWriter(tree);
  const hidden = whiteouts === 'apply' ? new Whiteouts(tree) : undefined;
  let entries = 0;
  let size = 0;
  for await (const entry of readTar(tarStream)) {
    const { header } = entry;
    entries++;
    size += header.size;
    if (entries > maxEntries) throw new LayerLimitError(`more than ${maxEntries} entries`);
    if (size > maxSize) throw new LayerLimitError(`more than ${maxSize} bytes of files`);
    // Entries at hand are written without a pause: timers and sockets get their turn here.
    if (entries % breath === 0) await setImmediate();
    signal?.throwIfAborted();
    try {
      const place = tree.confined.resolve(header.name);
      if (place !== undefined && hidden?.take(place) === true) continue;
      await writer.write(entry, place);
      if (place !== undefined) hidden?.keep(place.path);
    } catch (error) {
      throw asEntryError(header.name, error);
    }
  }
  await tree.finish();
  return { entries, omissions: writer.omissions };
}

/** A name or size that the file system doesn't take is the entry's fault. */
function asEntryError(name: string, error: unknown): unknown {
  if (!hasCode(error, 'ENAMETOOLONG', 'ELOOP', 'EINVAL', 'EILSEQ', 'EFBIG', 'EMLINK')) return error;
  const problem = `the file system doesn't take '${shownPath(name)}' (${(error as Error).message})`;
  return new InvalidLayerError(undefined, problem, error);
}
