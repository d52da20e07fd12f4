import { concat, defer, finalize, mergeMap, of, takeWhile, type Observable } from 'rxjs';
import type { AppliedBlob } from '../layer/index.js';
import { progressEvent, type TransferManager } from '../transfer/index.js';
import { closeAfterUse } from './closing.js';
import type { DownloadDescriptor } from './descriptors.js';
import { phases, type ApplyEvent } from './events.js';
import { fetchBlob, type BlobDestination, type FetchedBlob } from './fetch-layer.js';
import type { TransferSettings } from './options.js';

/** What unpacking layers onto a folder as they arrive works with. */
export interface ApplyLayersOptions {
  /** Opens the way of a layer onto the folder. */
  readonly open: BlobDestination<AppliedBlob>['open'];
  /** Bottom-up. */
  readonly layers: readonly DownloadDescriptor[];
  readonly manager: Pick<TransferManager<FetchedBlob<AppliedBlob>>, 'transfer'>;
  readonly settings: TransferSettings;
}

/** As LayerDownloadManager.apply describes it. Subscribed once. */
export function applyLayers({
  open,
  layers,
  manager,
  settings,
}: ApplyLayersOptions): Observable<ApplyEvent> {
  const group = {};
  const parts = layers.map((descriptor, index) => {
    const { id, key, blob } = descriptor;
    const closing = closeAfterUse(descriptor);
    const endUse = closing.use();
    const apply$ = defer(() => {
      const destination = { open, completing: phases.extracting };
      return manager.transfer(
        `apply ${ownKey()} ${key}`,
        fetchBlob(destination, descriptor, closing, settings),
        { group },
      );
    }).pipe(
      takeWhile((event) => event.kind !== 'result', true),
      mergeMap((event): Observable<ApplyEvent> => {
        if (event.kind === 'progress') return of({ ...event, id });
        const { staged: applied, bytes } = event.value;
        const done: ApplyEvent = { kind: 'layer', id, index, blob, applied, bytes };
        return of<ApplyEvent[]>({ ...progressEvent(phases.unpacked), id }, done);
      }),
    );
    return { apply$, endUse };
  });
  return concat(...parts.map(({ apply$ }) => apply$)).pipe(
    finalize(() => {
      for (const { endUse } of parts) endUse();
    }),
  );
}

let keys = 0;

/** What is on one folder isn't on another: nobody shares such a fetch. */
function ownKey(): number {
  return ++keys;
}
