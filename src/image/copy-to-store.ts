import { concat, map, mergeMap, of, type Observable } from 'rxjs';
import {
  fromAbortable,
  type DownloadDescriptor,
  type LayerDownloadManager,
} from '../distribution/index.js';
import type { Store } from '../layer/index.js';
import {
  chainIDsOf,
  layerCompression,
  shortDigest,
  type Descriptor,
  type Platform,
} from '../oci/index.js';
import { NotAnImageError } from './errors.js';
import type { PullEvent } from './events.js';
import type { ForeignLayers } from './foreign-layers.js';
import { handOver } from './hand-over.js';
import { layerIDs, resolveImage, type DescribedImage } from './resolve-image.js';
import type { ImageSource } from './seams.js';
import { StoredDocuments } from './stored-documents.js';

/** What {@link copyToStore} works with. */
export interface CopyToStoreOptions {
  readonly source: ImageSource;
  readonly store: Store;
  readonly downloads: LayerDownloadManager;
  /** The name in the store, in full. */
  readonly reference: string;
  readonly platform: Platform | undefined;
  readonly foreign: ForeignLayers;
}

/**
 * Brings an image of one platform into a store: what describes it, then its layers, then its
 * record, so that a name always leads to a whole image.
 */
export function copyToStore(options: CopyToStoreOptions): Observable<PullEvent> {
  const { source, store, downloads, platform, foreign } = options;
  const documents = new StoredDocuments(source, store.blobs);
  return fromAbortable((signal) => resolveImage(documents, { platform, foreign }, signal)).pipe(
    mergeMap((described) => {
      const image = { ...described.image, reference: options.reference };
      const descriptors = downloadDescriptors(source, described);
      const os = described.image.platform?.os ?? 'linux';
      const statuses: ('pulled' | 'exists')[] = [];
      const layers$ = downloads.download({ diffIDs: [] }, os, descriptors).pipe(
        mergeMap((event): Observable<PullEvent> => {
          if (event.kind === 'layer') statuses[event.index] = event.status;
          if (event.kind !== 'result') return of(event);
          const { diffIDs } = event.rootFS;
          const pulled = { ...image, diffIDs, chainIDs: chainIDsOf(diffIDs), statuses };
          return record(options, described).pipe(
            map(() => ({ ...event, kind: 'result' as const, image: pulled })),
            handOver(event.release),
          );
        }),
      );
      return concat(of({ kind: 'resolved' as const, image, ids: layerIDs(image.layers) }), layers$);
    }),
  );
}

/** The layers of an image, bottom-up, to be downloaded. @throws NotAnImageError */
export function downloadDescriptors(
  source: ImageSource,
  { image, diffIDs }: DescribedImage,
): DownloadDescriptor[] {
  if (diffIDs === undefined) {
    throw new NotAnImageError(source.name, 'it is an artifact without an image configuration');
  }
  const ids = layerIDs(image.layers);
  return image.layers.map((blob, index): DownloadDescriptor => {
    if (layerCompression(blob.mediaType) === undefined) {
      throw new NotAnImageError(source.name, `its layer ${blob.digest} is a ${blob.mediaType}`);
    }
    const diffID = diffIDs[index];
    return {
      ...downloadDescriptor(source, blob, ids[index]),
      ...(diffID === undefined ? {} : { diffID }),
    };
  });
}

/** A blob to be downloaded as it is. @param id by default, the beginning of its digest. */
export function downloadDescriptor(
  source: ImageSource,
  blob: Descriptor,
  id: string = shortDigest(blob.digest),
): DownloadDescriptor {
  return {
    key: blob.digest,
    id,
    blob,
    download: (request) => source.blob(blob, request),
    close: () => undefined,
  };
}

/** Writes the documents and then the record. */
function record(
  { store, reference }: CopyToStoreOptions,
  { image, indexes, manifest, config }: DescribedImage,
): Observable<void> {
  return fromAbortable(async (signal) => {
    signal.throwIfAborted();
    const created = new Date().toISOString();
    await store.images.put(
      { reference, manifest: image.manifest, resolved: image.resolved, created },
      [config, manifest, ...indexes].map(({ descriptor: { digest }, bytes }) => ({
        digest,
        bytes,
      })),
    );
  });
}
