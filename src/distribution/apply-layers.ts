import {
  BehaviorSubject,
  concat,
  defer,
  EMPTY,
  finalize,
  mergeMap,
  of,
  takeWhile,
  type Observable,
} from 'rxjs';
import type { AppliedBlob, FolderIngestion } from '../layer/index.js';
import type { Descriptor } from '../oci/index.js';
import { progressEvent, type TransferManager } from '../transfer/index.js';
import { AppliedInTurn } from './applied-in-turn.js';
import { closeAfterUse } from './closing.js';
import type { DownloadDescriptor } from './descriptors.js';
import { phases, type ApplyEvent } from './events.js';
import { fetchBlob, type FetchedBlob } from './fetch-layer.js';
import type { TransferSettings } from './options.js';
import { startAhead } from './start-ahead.js';

/** What unpacking layers onto a folder as they arrive works with. */
export interface ApplyLayersOptions {
  /** Opens the way of a layer onto the folder. */
  readonly open: (blob: Descriptor, signal: AbortSignal) => Promise<FolderIngestion>;
  /** Bottom-up. */
  readonly layers: readonly DownloadDescriptor[];
  readonly manager: Pick<TransferManager<FetchedBlob<AppliedBlob>>, 'transfer'>;
  readonly settings: TransferSettings;
}

/**
 * Bytes that layers may lack when the next one is asked for: what passes while a distant registry
 * thinks about its answer, and no more, since the next one's connection idles until its turn comes.
 */
const bytesAhead = 4 * 1024 * 1024;

/** As LayerDownloadManager.apply describes it. Subscribed once. */
export function applyLayers({
  open,
  layers,
  manager,
  settings,
}: ApplyLayersOptions): Observable<ApplyEvent> {
  const group = {};
  /** How many layers are on the folder. */
  const applied$ = new BehaviorSubject(0);
  const parts = layers.map((descriptor, index) => {
    const { id, key, blob } = descriptor;
    const closing = closeAfterUse(descriptor);
    const endUse = closing.use();
    const events$ = defer(() => {
      const openInTurn: typeof open = async (...args) =>
        new AppliedInTurn(await open(...args), index, applied$);
      const destination = { open: openInTurn, completing: phases.extracting };
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
        // Nothing of the next one is on the folder before this one has been heard of.
        const next$ = defer(() => {
          applied$.next(index + 1);
          return EMPTY;
        });
        return concat(of<ApplyEvent[]>({ ...progressEvent(phases.unpacked), id }, done), next$);
      }),
    );
    return { events$, size: blob.size, arrivedBy, endUse };
  });
  return startAhead(parts, bytesAhead).pipe(
    finalize(() => {
      for (const { endUse } of parts) endUse();
    }),
  );
}

function arrivedBy(event: ApplyEvent): number | undefined {
  const isArriving = event.kind === 'progress' && event.progress.phase === phases.downloading;
  return isArriving ? event.progress.current : undefined;
}

let keys = 0;

/** What is on one folder isn't on another: nobody shares such a fetch. */
function ownKey(): number {
  return ++keys;
}
