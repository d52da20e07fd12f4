import { DocumentTooLargeError, isMismatch } from '../layer/index.js';
import {
  InvalidManifestError,
  isIndexType,
  isManifestType,
  parseIndex,
  type Descriptor,
  type Digest,
} from '../oci/index.js';
import { referrerOf, referrersTag, type ReferrerEntry } from '../registry/index.js';
import { ImageTreeLimitError, lacksBlob } from './errors.js';
import { maxBytes, maxDocuments } from './image-tree.js';
import { nameAnnotation } from './layout-index.js';
import { isListTag } from './referrers-list.js';

/** A layout whose referrers are looked for. */
export interface Layout {
  readonly name: string;
  /** What its index lists. */
  entries(signal: AbortSignal): Promise<readonly Descriptor[]>;
  /** A manifest or index in it, verified. */
  manifest(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array>;
}

/** What the entries of an index that have a subject are, by that. */
type BySubject = ReadonlyMap<Digest, readonly Descriptor[]>;

/**
 * The referrers in a layout: the entries of its index that have a subject, and those on lists
 * under the tags that stand for such. The index is read once: what is copied is what was there as
 * the copy began.
 */
export class LayoutReferrers {
  readonly #layout: Layout;
  #known: Promise<BySubject> | undefined;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** What refers to a manifest, each once. @throws ImageTreeLimitError, and what the layout throws. */
  async of(subject: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    const found = new Map<Digest, Descriptor>();
    for (const list of (await this.#layout.entries(signal)).filter(isList)) {
      if (list.annotations?.[nameAnnotation] !== referrersTag(subject)) continue;
      const { manifests } = parseIndex(await this.#layout.manifest(list, signal));
      for (const entry of manifests) found.set(entry.digest, entry);
    }
    const known = await this.#bySubject(signal);
    for (const entry of known.get(subject) ?? []) found.set(entry.digest, entry);
    return [...found.values()];
  }

  /** Entries of the index that are neither referrers nor lists of such. */
  async without(entries: readonly Descriptor[], signal: AbortSignal): Promise<Descriptor[]> {
    const known = [...(await this.#bySubject(signal)).values()].flat();
    const digests = new Set(known.map(({ digest }) => digest));
    return entries.filter((entry) => !isList(entry) && !digests.has(entry.digest));
  }

  #bySubject(signal: AbortSignal): Promise<BySubject> {
    // Whoever came first may have left before it was read.
    this.#known ??= this.#readAll(signal).catch((error: unknown) => {
      this.#known = undefined;
      throw error;
    });
    return this.#known;
  }

  async #readAll(signal: AbortSignal): Promise<BySubject> {
    const found = new Map<Digest, Descriptor[]>();
    const seen = new Set<Digest>();
    let bytes = 0;
    for (const entry of await this.#layout.entries(signal)) {
      if (isList(entry) || !isDocument(entry) || seen.has(entry.digest)) continue;
      if (seen.add(entry.digest).size > maxDocuments) {
        throw new ImageTreeLimitError(this.#layout.name, `of more than ${maxDocuments} manifests`);
      }
      const referrer = await this.#read(entry, signal);
      if (referrer === undefined) continue;
      bytes += Buffer.byteLength(JSON.stringify(referrer.entry));
      if (bytes > maxBytes) {
        throw new ImageTreeLimitError(this.#layout.name, `with referrers over ${maxBytes} bytes`);
      }
      found.set(referrer.subject, [...(found.get(referrer.subject) ?? []), referrer.entry]);
    }
    return found;
  }

  /** `undefined` where it has no subject, or is harmed and can't be asked for one. */
  async #read(entry: Descriptor, signal: AbortSignal): Promise<ReferrerEntry | undefined> {
    const { mediaType, digest, size } = entry;
    try {
      const bytes = await this.#layout.manifest(entry, signal);
      return referrerOf({ descriptor: { mediaType, digest, size }, bytes });
    } catch (error) {
      if (isHarmed(error)) return undefined;
      throw error;
    }
  }
}

function isDocument({ mediaType }: Descriptor): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType);
}

/** Tells whether an entry is a list of referrers, as some tools keep them beside images. */
function isList({ mediaType, annotations }: Descriptor): boolean {
  return isIndexType(mediaType) && isListTag(annotations?.[nameAnnotation] ?? '');
}

/** Whatever else a layout holds may be gone or damaged without being a matter of what is copied. */
function isHarmed(error: unknown): boolean {
  return (
    lacksBlob(error) ||
    isMismatch(error) ||
    error instanceof DocumentTooLargeError ||
    error instanceof InvalidManifestError
  );
}
