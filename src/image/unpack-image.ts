import { createHash } from 'node:crypto';
import * as path from 'node:path';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import type { Observable } from 'rxjs';
import { fromAbortable, phases } from '../distribution/index.js';
import {
  applyLayer,
  BlobNotFoundError,
  DiffIDMismatchError,
  emptyFolder,
  InvalidLayerError,
  LayerLimitError,
  storeError,
  type AppliedLayer,
  type Layer,
  type SharingMode,
  type Store,
} from '../layer/index.js';
import { chainIDsOf, finishDigest, type DiffID, type Platform } from '../oci/index.js';
import { progressEvent } from '../transfer/index.js';
import type { ReusedFiles, UnpackEvent } from './events.js';
import { prepareRoot } from './prepare-root.js';
import { layerIDs, resolveImage } from './resolve-image.js';
import { StoreSource } from './store-image.js';

/** What {@link unpackImage} works with. */
export interface UnpackImageOptions {
  readonly store: Store;
  /** In full. */
  readonly reference: string;
  readonly directory: string;
  readonly platform: Platform | undefined;
  /** Whether and how files of the store are used. */
  readonly link: SharingMode | undefined;
}

/**
 * Unpacks a stored image into a root file system: its layers bottom-up, whiteouts applied. The
 * folder is made, or must be empty; when it isn't filled to the end, it is emptied again.
 */
export function unpackImage({
  store,
  reference,
  directory,
  platform,
  link,
}: UnpackImageOptions): Observable<UnpackEvent> {
  const root = path.resolve(directory);
  const source = new StoreSource(store, reference);
  return fromAbortable<UnpackEvent>(async (signal, emit) => {
    const { image, diffIDs = [] } = await resolveImage(
      source,
      { platform, foreign: 'fetch' },
      signal,
    );
    const ids = layerIDs(image.layers);
    const unpacking = new ImageUnpacking(store, root, link, signal);
    await prepareRoot(root);
    try {
      for (const [index, chainID] of chainIDsOf(diffIDs).entries()) {
        const id = ids[index] ?? chainID;
        emit({ ...progressEvent(phases.extracting), id });
        signal.throwIfAborted();
        const lease = await store.layers.acquire(chainID);
        if (lease === undefined) throw new BlobNotFoundError(image.manifest.digest);
        await unpacking.apply(lease.layer).finally(() => lease.release());
        emit({ ...progressEvent(phases.unpacked), id });
      }
      signal.throwIfAborted();
      return unpacking.result();
    } catch (error) {
      // What went wrong before is what counts.
      await emptyFolder(root).catch(() => undefined);
      throw storeError(error, root);
    }
  });
}

/** Applies one layer after the other, and adds up what came of it. */
class ImageUnpacking {
  readonly #store: Store;
  readonly #root: string;
  readonly #link: SharingMode | undefined;
  readonly #signal: AbortSignal;
  readonly #omissions = new Set<string>();
  #reused: ReusedFiles = { layers: 0, linked: 0, cloned: 0, copied: 0 };

  constructor(store: Store, root: string, link: SharingMode | undefined, signal: AbortSignal) {
    this.#store = store;
    this.#root = root;
    this.#link = link;
    this.#signal = signal;
  }

  async apply(layer: Layer): Promise<void> {
    try {
      const applied = (await this.#fromFiles(layer)) ?? (await this.#fromBlob(layer));
      for (const omission of applied.omissions) this.#omissions.add(omission);
    } catch (error) {
      const isLayers = error instanceof InvalidLayerError || error instanceof LayerLimitError;
      throw isLayers ? error.of(layer.blob.digest) : error;
    }
  }

  result(): UnpackEvent {
    return {
      kind: 'result',
      directory: this.#root,
      omissions: [...this.#omissions].sort(),
      ...(this.#link !== undefined && { reused: this.#reused }),
    };
  }

  async #fromFiles(layer: Layer): Promise<AppliedLayer | undefined> {
    if (this.#link === undefined) return undefined;
    const applied = await this.#store.layers.applyFiles?.(layer, this.#root, {
      sharing: this.#link,
      signal: this.#signal,
    });
    if (applied === undefined) return undefined;
    const { layers, linked, cloned, copied } = this.#reused;
    this.#reused = {
      layers: layers + 1,
      linked: linked + applied.files.linked,
      cloned: cloned + applied.files.cloned,
      copied: copied + applied.files.copied,
    };
    return applied;
  }

  async #fromBlob(layer: Layer): Promise<AppliedLayer> {
    const { layers } = this.#store;
    const signal = this.#signal;
    const hash = createHash('sha256');
    const tar = await layer.tarStream(signal);
    const hashed: Readable = pipeline(tar, new PassThrough(), () => undefined);
    hashed.on('data', (chunk: Buffer) => hash.update(chunk));
    hashed.pause();
    const options = { ...layers.limits, whiteouts: 'apply', signal } as const;
    const applied = await applyLayer(hashed, this.#root, options);
    const actual = finishDigest(hash, 'sha256') as string as DiffID;
    if (actual !== layer.diffID) {
      throw new DiffIDMismatchError(layer.blob.digest, layer.diffID, actual);
    }
    return applied;
  }
}
