import type { ImageRecord, Store } from '../layer/index.js';
import { isIndexType, parseIndex, parseReference, type Digest } from '../oci/index.js';
import { referrersTag } from '../registry/index.js';
import { isListTag } from './referrers-list.js';

/**
 * Takes a name, in full, out of a store, and with the last name of its repository that leads to an
 * image the lists of what refers to it. Where it can't be told what another name of the repository
 * leads to, the lists stay. The space is for a collection to free.
 *
 * Resolves to the names that are gone, that of the image first; to none when there was no such name.
 */
export async function removeImage(store: Store, reference: string): Promise<string[]> {
  const before = await recordsBeside(store, reference);
  const removed = before.find((record) => record.reference === reference);
  if (removed === undefined || !(await store.images.delete(reference))) return [];
  const others = before.filter((record) => record !== removed);
  const its = await listsOf(store, others, [removed]);
  const needed = await listsOf(store, others, others.filter(isNoList));
  if (needed.isGuess) return [reference];
  const lists = [...its.names].filter((name) => !needed.names.has(name)).sort();
  for (const name of lists) await store.images.delete(name);
  return [reference, ...lists];
}

/** The records of a name's repository. */
async function recordsBeside(store: Store, reference: string): Promise<ImageRecord[]> {
  const { host, path } = parseReference(reference);
  const records = await store.images.list();
  return records.filter((record) => {
    const other = parseReference(record.reference);
    return other.host === host && other.path === path;
  });
}

function isNoList({ reference }: ImageRecord): boolean {
  return !isListTag(parseReference(reference).tag ?? '');
}

/** The lists among records that images lead to: of their referrers, of what refers to those. */
async function listsOf(
  store: Store,
  records: readonly ImageRecord[],
  images: readonly ImageRecord[],
): Promise<{ readonly names: ReadonlySet<string>; readonly isGuess: boolean }> {
  const byTag = new Map(records.map((record) => [parseReference(record.reference).tag, record]));
  const names = new Set<string>();
  const seen = new Set<Digest>();
  let isGuess = false;
  const open = images.map(({ manifest }) => manifest);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { digest, mediaType } = next;
    if (seen.has(digest)) continue;
    seen.add(digest);
    const list = byTag.get(referrersTag(digest));
    if (list !== undefined) {
      names.add(list.reference);
      open.push(list.manifest);
    }
    if (!isIndexType(mediaType)) continue;
    const entries = await entriesOf(store, digest);
    isGuess ||= entries === undefined;
    open.push(...(entries ?? []));
  }
  return { names, isGuess };
}

/** `undefined` where the store has lost the index, or it is damaged. */
async function entriesOf(
  store: Store,
  digest: Digest,
): Promise<ReturnType<typeof parseIndex>['manifests'] | undefined> {
  try {
    const bytes = await store.blobs.read(digest);
    return bytes && parseIndex(bytes).manifests;
  } catch {
    return undefined;
  }
}
