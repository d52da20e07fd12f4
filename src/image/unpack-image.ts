import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { concatMap, from, map, mergeMap, of, concat, defer, type Observable } from 'rxjs';
import { fromAbortable, phases } from '../distribution/index.js';
import {
  applyLayer,
  BlobNotFoundError,
  DiffIDMismatchError,
  InvalidLayerError,
  LayerLimitError,
  makeFolder,
  storeError,
  type Layer,
  type Store,
} from '../layer/index.js';
import { chainIDsOf, finishDigest, type DiffID } from '../oci/index.js';
import { progressEvent } from '../transfer/index.js';
import { FolderError } from './errors.js';
import type { UnpackEvent } from './events.js';
import { layerIDs, resolveImage } from './resolve-image.js';
import { StoreSource } from './store-image.js';

/**
 * Unpacks a stored image into a root file system: its layers bottom-up, whiteouts applied. The
 * folder is made, or must be empty; when it can't be filled, it is emptied again.
 */
export function unpackImage(
  store: Store,
  reference: string,
  directory: string,
): Observable<UnpackEvent> {
  const root = path.resolve(directory);
  const source = new StoreSource(store, reference);
  return fromAbortable((signal) => resolveImage(source, undefined, signal)).pipe(
    mergeMap(({ image, diffIDs = [] }) => {
      const ids = layerIDs(image.layers);
      const omissions = new Set<string>();
      const prepared$ = fromAbortable(() => prepare(root));
      const layers$ = from(chainIDsOf(diffIDs)).pipe(
        concatMap((chainID, index) => {
          const event = (phase: string): UnpackEvent => ({
            ...progressEvent(phase),
            id: ids[index] ?? chainID,
          });
          const applied$ = fromAbortable(async (signal) => {
            const lease = await store.layers.acquire(chainID);
            if (lease === undefined) throw new BlobNotFoundError(image.manifest.digest);
            try {
              const applied = await apply(store, lease.layer, root, signal);
              for (const omission of applied) omissions.add(omission);
            } catch (error) {
              await empty(root);
              throw storeError(faultOf(lease.layer, error), root);
            } finally {
              lease.release();
            }
          });
          return concat(of(event(phases.extracting)), applied$.pipe(map(() => event('Unpacked'))));
        }),
      );
      const result$ = defer(() =>
        of<UnpackEvent>({ kind: 'result', directory: root, omissions: [...omissions].sort() }),
      );
      return prepared$.pipe(mergeMap(() => concat(layers$, result$)));
    }),
  );
}

async function apply(
  store: Store,
  layer: Layer,
  root: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const hash = createHash('sha256');
  const tar = await store.layers.openTar(layer, signal);
  const hashed: Readable = pipeline(tar, new PassThrough(), () => undefined);
  hashed.on('data', (chunk: Buffer) => hash.update(chunk));
  hashed.pause();
  const { limits } = store.layers;
  const { omissions } = await applyLayer(hashed, root, { ...limits, whiteouts: 'apply', signal });
  const actual = finishDigest(hash, 'sha256') as string as DiffID;
  if (actual !== layer.diffID) {
    throw new DiffIDMismatchError(layer.blob.digest, layer.diffID, actual);
  }
  return omissions;
}

/** The same of the layer that it is about. */
function faultOf({ blob }: Layer, error: unknown): unknown {
  const isLayers = error instanceof InvalidLayerError || error instanceof LayerLimitError;
  return isLayers ? error.of(blob.digest) : error;
}

async function prepare(root: string): Promise<void> {
  try {
    await makeFolder(root);
    if ((await fs.readdir(root)).length === 0) return;
  } catch (error) {
    throw storeError(error, root);
  }
  throw new FolderError(root, 'is not empty', 'Choose an empty or new folder to unpack into.');
}

async function empty(root: string): Promise<void> {
  for (const name of await fs.readdir(root)) {
    await fs.rm(path.join(root, name), { recursive: true, force: true });
  }
}
