import type { ImageRecord, Store } from '../layer/index.js';
import { parseReference, type Digest, type Repository } from '../oci/index.js';
import { readTree } from './image-tree.js';
import { StoreSource } from './store-image.js';

/** The repositories that a blob may be mounted from, the likeliest first. */
export type BlobOrigins = (digest: Digest) => Promise<readonly Repository[]>;

/** A mount that fails costs a request: the most that are tried for one blob. */
const maxOrigins = 3;

/**
 * Finds repositories of a registry that hold a blob: the one that the image comes from, and
 * those of the images in the store that have it too. What the store says may be outdated, which
 * the registry then tells.
 */
export function blobOrigins(
  store: Store,
  source: Repository | undefined,
  target: Repository,
): BlobOrigins {
  const { host, path: own } = target;
  let known: Promise<ReadonlyMap<Digest, ReadonlySet<string>>> | undefined;
  return async (digest) => {
    known ??= pathsByBlob(store, host);
    const paths = new Set(source?.host === host ? [source.path] : []);
    for (const path of (await known).get(digest) ?? []) paths.add(path);
    paths.delete(own);
    return [...paths].slice(0, maxOrigins).map((path) => ({ host, path }));
  };
}

async function pathsByBlob(store: Store, host: string): Promise<Map<Digest, Set<string>>> {
  const paths = new Map<Digest, Set<string>>();
  for (const record of await store.images.list()) {
    const repository = parseReference(record.reference);
    if (repository.host !== host) continue;
    for (const digest of await blobsOf(store, record)) {
      paths.set(digest, (paths.get(digest) ?? new Set()).add(repository.path));
    }
  }
  return paths;
}

/** The blobs of a stored image; none of one that can't be read, which is no reason not to push. */
async function blobsOf(store: Store, { reference, manifest }: ImageRecord): Promise<Digest[]> {
  const { signal } = new AbortController();
  const source = new StoreSource(store, reference);
  try {
    const bytes = await source.manifest(manifest, signal);
    const root = { descriptor: manifest, bytes };
    const { manifests } = await readTree(source, root, 'fetch', signal);
    const blobs = manifests.flatMap(({ manifest: { config, layers } }) => [config, ...layers]);
    return blobs.map(({ digest }) => digest);
  } catch {
    return [];
  }
}
