import * as path from 'node:path';
import { concat, defer, mergeMap, of, retry, tap, throwError, type Observable } from 'rxjs';
import {
  fromAbortable,
  type ApplyEvent,
  type DownloadDescriptor,
  type LayerDownloadManager,
} from '../distribution/index.js';
import {
  applyBlob,
  DiffIDMismatchError,
  emptyFolder,
  isMismatch,
  type FolderIngestion,
  type UnpackLimits,
} from '../layer/index.js';
import type { Descriptor, Platform } from '../oci/index.js';
import { downloadDescriptors } from './copy-to-store.js';
import type { UnpackEvent } from './events.js';
import type { ForeignLayers } from './foreign-layers.js';
import { prepareRoot } from './prepare-root.js';
import { layerIDs, resolveImage } from './resolve-image.js';
import type { ImageSource } from './seams.js';
import { undoUnlessDone } from './undo-unless-done.js';

/** What {@link fillFolder} works with. */
export interface FillFolderOptions {
  readonly source: ImageSource;
  readonly downloads: LayerDownloadManager;
  readonly directory: string;
  readonly platform: Platform | undefined;
  readonly foreign: ForeignLayers;
  readonly limits: UnpackLimits | undefined;
}

/** How often a folder is begun anew that was given wrong bytes: each time another host may help. */
const maxRestarts = 3;

/**
 * Unpacks an image into a folder as it arrives from wherever it is, and keeps nothing else of it:
 * each layer passes once, bottom-up, since an upper one can't be unpacked before those below it.
 * The folder is made, or must be empty; when it isn't filled to the end, it is emptied again.
 */
export function fillFolder({
  source,
  downloads,
  directory,
  platform,
  foreign,
  limits = {},
}: FillFolderOptions): Observable<UnpackEvent> {
  const root = path.resolve(directory);
  return fromAbortable(async (signal) => {
    const described = await resolveImage(source, { platform, foreign }, signal);
    const layers = downloadDescriptors(source, described);
    await prepareRoot(root);
    return { image: described.image, layers };
  }).pipe(
    mergeMap(({ image, layers }): Observable<UnpackEvent> => {
      const omissions = new Set<string>();
      const filled$ = layersOnto(root, { downloads, layers, limits }).pipe(
        // Wrong bytes can't be taken out of a folder: all of it is begun anew.
        retry({
          count: maxRestarts,
          delay: (error: unknown) => (isMismatch(error) ? of(root) : throwError(() => error)),
        }),
        tap((event) => {
          if (event.kind === 'layer')
            event.applied.omissions.forEach((each) => omissions.add(each));
        }),
      );
      const result$ = defer(() =>
        of({
          kind: 'result' as const,
          directory: root,
          image,
          omissions: [...omissions].sort(),
        }),
      );
      const resolved = { kind: 'resolved' as const, image, ids: layerIDs(image.layers) };
      return concat(of(resolved), filled$, result$);
    }),
  );
}

/** One go at the layers, after which the folder is whole or empty. */
function layersOnto(
  root: string,
  {
    downloads,
    layers,
    limits,
  }: {
    readonly downloads: LayerDownloadManager;
    readonly layers: readonly DownloadDescriptor[];
    readonly limits: UnpackLimits;
  },
): Observable<ApplyEvent> {
  return defer(() => {
    const opened: Promise<FolderIngestion>[] = [];
    const open = (blob: Descriptor, signal: AbortSignal): Promise<FolderIngestion> => {
      const ingestion = applyBlob(blob, root, limits, signal);
      opened.push(ingestion);
      return ingestion;
    };
    const empty = async (): Promise<void> => {
      // Nothing is written any more once these are closed.
      for (const each of opened) await each.then((ingestion) => ingestion.close()).catch(nothing);
      // What went wrong before is what counts.
      await emptyFolder(root).catch(nothing);
    };
    return downloads.apply(layers, open).pipe(
      tap((event) => {
        if (event.kind === 'layer') prove(event, layers[event.index]?.diffID);
      }),
      undoUnlessDone(empty),
    );
  });
}

function nothing(): void {
  // There is nothing more to be done.
}

/** @throws DiffIDMismatchError */
function prove(
  { blob, applied: { diffID: actual } }: Extract<ApplyEvent, { kind: 'layer' }>,
  expected: DownloadDescriptor['diffID'],
): void {
  if (expected !== undefined && actual !== expected) {
    throw new DiffIDMismatchError(blob.digest, expected, actual);
  }
}
