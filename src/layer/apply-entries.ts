import { shownPath } from './byte-path.js';
import { EntryWriter } from './entry-writer.js';
import { InvalidLayerError, LayerLimitError } from './errors.js';
import type { FileSharing } from './file-sharing.js';
import { defaultLimits, type UnpackLimits } from './limits.js';
import { hasCode } from './system-errors.js';
import type { TarEntry } from './tar-reader.js';
import { UnpackedTree } from './unpacked-tree.js';
import { Whiteouts } from './whiteouts.js';
import { withPauses } from './with-pauses.js';

/** How the entries of a layer are unpacked. */
export interface ApplyEntriesOptions extends UnpackLimits {
  /**
   * `apply` removes what the layer's whiteouts hide from those below; `keep` writes the markers
   * themselves, for a layer that is stored on its own (OCI image spec, layer.md, Whiteouts).
   */
  readonly whiteouts: 'apply' | 'keep';
  /** Stops the unpacking. What was written stays for the caller to remove. */
  readonly signal?: AbortSignal;
  /** Called after each entry is written; what it returns is waited for. */
  readonly onEntry?: (entry: TarEntry) => Promise<void> | undefined;
}

/** What was unpacked. */
export interface AppliedLayer {
  readonly entries: number;
  /** How many of them took the place of something else, whiteouts aside. */
  readonly replacements: number;
  /** What this user or file system couldn't do, one line a kind, such as `owner` or `device`. */
  readonly omissions: readonly string[];
}

/**
 * Writes a layer's entries below a root, one after the other.
 *
 * @param root an absolute path.
 * @param sharing uses the originals of files where entries have some.
 */
export async function applyEntries(
  source: AsyncIterable<TarEntry>,
  root: string,
  options: ApplyEntriesOptions,
  sharing?: FileSharing,
): Promise<AppliedLayer> {
  const { whiteouts, signal, onEntry, ...limits } = options;
  const { maxEntries = defaultLimits.maxEntries, maxSize = defaultLimits.maxSize } = limits;
  const tree = new UnpackedTree(root, signal);
  const writer = new EntryWriter(tree, {
    sharing,
    onto: whiteouts === 'keep' ? 'nothing' : 'layers',
  });
  const hidden = whiteouts === 'apply' ? new Whiteouts(tree) : undefined;
  let entries = 0;
  let size = 0;
  for await (const entry of withPauses(source)) {
    const { header } = entry;
    entries++;
    size += header.size;
    if (entries > maxEntries) throw new LayerLimitError(`more than ${maxEntries} entries`);
    if (size > maxSize) throw new LayerLimitError(`more than ${maxSize} bytes of files`);
    signal?.throwIfAborted();
    try {
      const place = tree.confined.resolve(header.name);
      if (place !== undefined && hidden?.take(place) === true) continue;
      const file = await writer.write(entry, place);
      if (file !== undefined) hidden?.keep(file);
    } catch (error) {
      throw asEntryError(header.name, error);
    }
    const noting = onEntry?.(entry);
    if (noting !== undefined) await noting;
  }
  await tree.finish();
  return { entries, replacements: writer.replacements, omissions: writer.omissions };
}

/** A name or size that the file system doesn't take is the entry's fault. */
function asEntryError(name: string, error: unknown): unknown {
  if (!hasCode(error, 'ENAMETOOLONG', 'ELOOP', 'EINVAL', 'EILSEQ', 'EFBIG', 'EMLINK')) return error;
  const problem = `the file system doesn't take '${shownPath(name)}' (${(error as Error).message})`;
  return new InvalidLayerError(undefined, problem, error);
}
