import { EMPTY, finalize, mergeMap, of, type Observable } from 'rxjs';
import { fromAbortable, phases, type LayerDownloadManager } from '../distribution/index.js';
import type { Store } from '../layer/index.js';
import type { Platform } from '../oci/index.js';
import { downloadDescriptors } from './copy-to-store.js';
import type { UnpackEvent } from './events.js';
import { resolveImage } from './resolve-image.js';
import { StoreSource } from './store-image.js';

/** What {@link withStoredLayers} works with. */
export interface StoredLayersOptions {
  readonly store: Store;
  readonly downloads: LayerDownloadManager;
  /** In full. */
  readonly reference: string;
  readonly platform: Platform | undefined;
}

/**
 * Does something with the layers of a stored image, which are leased meanwhile. Those of a platform
 * of which the blobs alone were kept are unpacked into the store before.
 */
export function withStoredLayers(
  { store, downloads, reference, platform }: StoredLayersOptions,
  work$: Observable<UnpackEvent>,
): Observable<UnpackEvent> {
  const source = new StoreSource(store, reference);
  const options = { platform, foreign: 'fetch' } as const;
  return fromAbortable((signal) => resolveImage(source, options, signal)).pipe(
    mergeMap((described) => {
      const layers = downloadDescriptors(source, described);
      const os = described.image.platform?.os ?? 'linux';
      return downloads.download({ diffIDs: [] }, os, layers);
    }),
    mergeMap((event): Observable<UnpackEvent> => {
      if (event.kind === 'result') return work$.pipe(finalize(event.release));
      // What is there already isn't worth a word.
      if (event.kind === 'layer' || event.progress.phase === phases.exists) return EMPTY;
      return of(event);
    }),
  );
}
