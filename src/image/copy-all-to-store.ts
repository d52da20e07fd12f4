import { concat, map, mergeMap, of, takeWhile, type Observable } from 'rxjs';
import { fromAbortable, type DownloadResultEvent } from '../distribution/index.js';
import { isIndexType, type Descriptor, type Digest } from '../oci/index.js';
import { documentsOf, imageOfTree } from './cargo.js';
import {
  copyToStore,
  downloadDescriptor,
  downloadDescriptors,
  type CopyToStoreOptions,
} from './copy-to-store.js';
import { PlatformNotFoundError } from './errors.js';
import type { PullEvent, ResolvedImage } from './events.js';
import { handOver } from './hand-over.js';
import { configsOf, readTree, type ImageTree } from './image-tree.js';
import { layerIDs, resolveImage, type DescribedImage } from './resolve-image.js';
import type { ImageSource } from './seams.js';
import { StoredDocuments } from './stored-documents.js';

/**
 * Brings an index with all its images into a store. The image of one platform is unpacked, as it
 * is by {@link copyToStore}; the blobs of the others are kept as they are, to be copied on, or
 * unpacked when they are wanted: that this machine may not be able to is nothing to fail for.
 */
export function copyAllToStore(options: CopyToStoreOptions): Observable<PullEvent> {
  const { source, store, foreign } = options;
  return fromAbortable((signal) => source.root(signal)).pipe(
    mergeMap((root) => {
      if (!isIndexType(root.descriptor.mediaType)) return copyToStore(options);
      const documents = new StoredDocuments(source, store.blobs);
      const tree$ = fromAbortable((signal) => readTree(documents, root, foreign, signal));
      return tree$.pipe(mergeMap((tree) => copyTree(options, tree)));
    }),
  );
}

function copyTree(options: CopyToStoreOptions, tree: ImageTree): Observable<PullEvent> {
  const { source, downloads } = options;
  const image = imageOfTree(options.reference, tree);
  const resolved = { kind: 'resolved' as const, image, ids: layerIDs(image.layers) };
  const moved$ = fromAbortable((signal) => chosen(options, tree, signal)).pipe(
    mergeMap((unpacked) => {
      const statuses = new Map<Digest, 'pulled' | 'exists'>();
      const layers = unpacked === undefined ? [] : downloadDescriptors(source, unpacked);
      const os = unpacked?.image.platform?.os ?? 'linux';
      return downloads.download({ diffIDs: [] }, os, layers).pipe(
        mergeMap((event): Observable<PullEvent> => {
          const digest = event.kind === 'layer' ? layers[event.index]?.blob.digest : undefined;
          if (event.kind === 'layer' && digest !== undefined) statuses.set(digest, event.status);
          if (event.kind !== 'result') return of(event);
          return keepRest(options, { tree, image, unpacked, statuses }, event);
        }),
      );
    }),
  );
  return concat(of(resolved), moved$);
}

/** The image that is unpacked; `undefined` where the index has none for this machine. */
async function chosen(
  { source, store, platform, foreign }: CopyToStoreOptions,
  tree: ImageTree,
  signal: AbortSignal,
): Promise<DescribedImage | undefined> {
  const known = new Map(tree.documents.map((each) => [each.descriptor.digest, each.bytes]));
  const documents = new StoredDocuments(source, store.blobs);
  const read: ImageSource = {
    name: source.name,
    repository: source.repository,
    root: () => Promise.resolve(tree.root),
    manifest: async (descriptor) =>
      known.get(descriptor.digest) ?? documents.manifest(descriptor, signal),
    referrers: (subject) => documents.referrers(subject, signal),
    blob: (blob, request) => documents.blob(blob, request),
  };
  try {
    const described = await resolveImage(read, { platform, foreign }, signal);
    const isArtifact = described.diffIDs === undefined && platform === undefined;
    return isArtifact ? undefined : described;
  } catch (error) {
    // Of a platform that was asked for, it has to be there.
    if (!(error instanceof PlatformNotFoundError) || platform !== undefined) throw error;
    return undefined;
  }
}

/** An index on its way, of which one image is unpacked. */
interface Underway {
  readonly tree: ImageTree;
  readonly image: ResolvedImage;
  readonly unpacked: DescribedImage | undefined;
  readonly statuses: Map<Digest, 'pulled' | 'exists'>;
}

/** Keeps what isn't unpacked, and then writes the record. Gives up the leases when it can't. */
function keepRest(
  options: CopyToStoreOptions,
  { tree, image, unpacked, statuses }: Underway,
  { bytes, release }: DownloadResultEvent,
): Observable<PullEvent> {
  const { source, store, downloads } = options;
  return fromAbortable(() => dealtWith(options, unpacked)).pipe(
    mergeMap((done) => {
      const rest = [...image.layers, ...configsOf(tree)].filter(({ digest }) => !done.has(digest));
      const blobs = rest.map((blob) => downloadDescriptor(source, blob));
      return downloads.keep(store.blobs, blobs);
    }),
    mergeMap((event): Observable<PullEvent> => {
      if (event.kind === 'layer') statuses.set(event.blob.digest, event.status);
      if (event.kind !== 'result') return of(event);
      const pulled = {
        ...image,
        diffIDs: [],
        chainIDs: [],
        statuses: image.layers.map(({ digest }) => statuses.get(digest) ?? 'exists'),
      };
      const result = {
        kind: 'result' as const,
        image: pulled,
        bytes: bytes + event.bytes,
        release,
      };
      // The blobs are held until the result, and by the record from then on.
      return record(options, tree, unpacked).pipe(map(() => result));
    }),
    takeWhile((event) => event.kind !== 'result', true),
    handOver(release),
  );
}

/**
 * What needn't be brought any more: the configuration that is at hand, and the layers that are
 * unpacked and whose very blobs are here, since others may have unpacked to the same.
 */
async function dealtWith(
  { store }: CopyToStoreOptions,
  unpacked: DescribedImage | undefined,
): Promise<ReadonlySet<Digest>> {
  const done = new Set(unpacked === undefined ? [] : [unpacked.config.descriptor.digest]);
  for (const { digest } of unpacked?.image.layers ?? []) {
    if ((await store.blobs.size(digest)) !== undefined) done.add(digest);
  }
  return done;
}

function record(
  { store, reference }: CopyToStoreOptions,
  tree: ImageTree,
  unpacked: DescribedImage | undefined,
): Observable<void> {
  return fromAbortable(async (signal) => {
    signal.throwIfAborted();
    const { mediaType, digest, size }: Descriptor = tree.root.descriptor;
    const created = new Date().toISOString();
    const manifest = { mediaType, digest, size };
    const config = unpacked?.config;
    await store.images.put({ reference, manifest, resolved: digest, created }, [
      ...(config === undefined ? [] : [{ digest: config.descriptor.digest, bytes: config.bytes }]),
      ...documentsOf(tree),
    ]);
  });
}
