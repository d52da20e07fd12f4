import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { types } from 'node:util';
import { RxferError } from '../transfer/index.js';
import { ConfinedRoot } from './confined.js';
import { DeferredFolders } from './deferred-folders.js';
import { InvalidLayerError } from './errors.js';
import { EntryWriter } from './entry-writer.js';
import { isSystemError } from './system-errors.js';
import { createTarReader } from './tar-reader.js';
import { Whiteouts } from './whiteouts.js';

/** How {@link applyLayer} unpacks. */
export interface ApplyLayerOptions {
  /**
   * `apply` removes what the layer's whiteouts hide from those below; `keep` writes the markers
   * themselves, for a layer that is stored on its own (OCI image spec, layer.md, Whiteouts).
   */
  readonly whiteouts: 'apply' | 'keep';
  /** Stops the unpacking and destroys the tar. What was written stays for the caller to remove. */
  readonly signal?: AbortSignal;
  /** Entries that a layer may have. Default 2,000,000. */
  readonly maxEntries?: number;
}

/** What {@link applyLayer} did. */
export interface AppliedLayer {
  readonly entries: number;
  /** What this user or file system couldn't do, one line a kind, such as `owner` or `device`. */
  readonly omissions: readonly string[];
}

const defaultMaxEntries = 2_000_000;

/**
 * Unpacks a layer's uncompressed tar onto the folder `root` (OCI image spec, layer.md).
 *
 * Nothing is written outside `root`, whatever the archive holds. As root, owners, modes, times,
 * hard links and devices come out as in the archive; as a plain user what is possible does, and
 * the rest is named in the result. Folders get their modes and times at the end; one that was
 * there before and has no entry of its own keeps its time.
 *
 * @param tarStream read to its end, or destroyed.
 * @throws InvalidLayerError for an archive that is damaged, truncated or not to be unpacked.
 */
export async function applyLayer(
  tarStream: Readable,
  root: string,
  options: ApplyLayerOptions,
): Promise<AppliedLayer> {
  const { whiteouts, signal, maxEntries = defaultMaxEntries } = options;
  const confined = new ConfinedRoot(root);
  const folders = new DeferredFolders();
  const writer = new EntryWriter(confined, folders);
  const hidden = whiteouts === 'apply' ? new Whiteouts(confined, folders) : undefined;
  const reader = createTarReader();
  let entries = 0;
  const unpack = async (): Promise<void> => {
    for await (const entry of reader.entries) {
      if (++entries > maxEntries) {
        throw new InvalidLayerError(undefined, `it has more than ${maxEntries} entries`);
      }
      const place = confined.resolve(entry.header.name);
      if (place !== undefined && hidden?.take(place) === true) {
        entry.resume();
        continue;
      }
      await writer.write(entry, place);
      if (place !== undefined) hidden?.keep(place.path);
    }
  };
  const feeding = pipeline(tarStream, reader.writable, signal === undefined ? {} : { signal });
  try {
    await Promise.all([
      feeding,
      unpack().catch((error: unknown) => {
        reader.destroy(error as Error);
        throw error;
      }),
    ]);
    folders.finish();
  } catch (error) {
    tarStream.destroy();
    await feeding.catch(() => undefined);
    signal?.throwIfAborted();
    throw asLayerError(error);
  }
  return { entries, omissions: writer.omissions };
}

/** The parser's and the decompressor's complaints are the archive's fault; a disk's are not. */
function asLayerError(error: unknown): unknown {
  if (error instanceof RxferError || isSystemError(error)) return error;
  return new InvalidLayerError(undefined, messageOf(error), error);
}

function messageOf(error: unknown): string {
  return types.isNativeError(error) ? error.message : String(error);
}
