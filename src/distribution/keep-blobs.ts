import { concat, defer, finalize, merge, mergeMap, NEVER, of } from 'rxjs';
import type { Observable } from 'rxjs';
import type { BlobStore, KeptBlob } from '../layer/index.js';
import { progressEvent, type TransferEvent, type TransferManager } from '../transfer/index.js';
import { closeAfterUse } from './closing.js';
import type { DownloadDescriptor } from './descriptors.js';
import { phases, type KeepEvent } from './events.js';
import { fetchBlob, type FetchedBlob } from './fetch-layer.js';
import type { TransferSettings } from './options.js';

/** What bringing blobs into a store works with. */
export interface KeepBlobsOptions {
  readonly store: BlobStore;
  readonly blobs: readonly DownloadDescriptor[];
  readonly manager: Pick<TransferManager<FetchedBlob<KeptBlob>>, 'transfer'>;
  readonly settings: TransferSettings;
}

/** As LayerDownloadManager.keep describes it. Subscribed once. */
export function keepBlobs(options: KeepBlobsOptions): Observable<KeepEvent> {
  const { store, blobs, manager, settings } = options;
  const group = {};
  let [left, bytes] = [blobs.length, 0];
  const fetches = blobs.map((descriptor, index) => {
    const { id, key, blob } = descriptor;
    const closing = closeAfterUse(descriptor);
    const endUse = closing.use();
    const destination = { open: store.ingest.bind(store) };
    const fetch$ = manager.transfer(
      `blob ${key}`,
      fetchBlob(destination, descriptor, closing, settings),
      { group },
    );
    return fetch$.pipe(
      mergeMap((event: TransferEvent<FetchedBlob<KeptBlob>>): Observable<KeepEvent> => {
        if (event.kind === 'progress') return of({ ...event, id });
        bytes += event.value.bytes;
        const status = event.value.bytes > 0 ? 'pulled' : 'exists';
        const phase = status === 'pulled' ? phases.pulled : phases.exists;
        const kept: KeepEvent = { kind: 'layer', id, index, blob, status };
        return of<KeepEvent[]>({ ...progressEvent(phase), id }, kept);
      }),
      finalize(endUse),
    );
  });
  const result$ = defer(() => of<KeepEvent>({ kind: 'result', bytes }));
  // Whoever watches a fetch holds its blob.
  const held$ = merge(...fetches, NEVER).pipe(
    mergeMap((event) => {
      if (event.kind !== 'layer' || --left > 0) return of(event);
      return concat(of(event), result$);
    }),
  );
  return blobs.length > 0 ? held$ : concat(result$, NEVER);
}
