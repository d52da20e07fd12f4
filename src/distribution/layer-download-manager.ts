import { defer, type Observable } from 'rxjs';
import type {
  AppliedBlob,
  BlobStore,
  FolderIngestion,
  KeptBlob,
  LayerLease,
  LayerStore,
} from '../layer/index.js';
import type { Descriptor, RootFS } from '../oci/index.js';
import { TransferManager, type TransferManagerState } from '../transfer/index.js';
import { applyLayers, type ApplyLayersOptions } from './apply-layers.js';
import type { DownloadDescriptor } from './descriptors.js';
import { UnsupportedOSError } from './errors.js';
import type { ApplyEvent, DownloadEvent, KeepEvent } from './events.js';
import type { FetchedBlob, FetchedLayer } from './fetch-layer.js';
import { keepBlobs, type KeepBlobsOptions } from './keep-blobs.js';
import { downloadLayers, type LayerDownloadOptions } from './layer-download.js';
import { transferSettings, type LayerManagerOptions, type TransferSettings } from './options.js';

/**
 * Figures out which layers of an image are missing, fetches those in parallel under one limit and
 * registers them bottom-up.
 *
 * Whatever downloads run on one manager share their work by two keys: the blob's (one fetch
 * however many images want it, at whatever depth) and the chain's (one registration of this layer
 * on this parent).
 */
export class LayerDownloadManager {
  readonly #stores: Readonly<Record<string, LayerStore>>;
  readonly #settings: TransferSettings;
  readonly #blobs: TransferManager<FetchedLayer | FetchedBlob<KeptBlob | AppliedBlob>>;
  /** Registrations move no data over the wire, so they need no slot. */
  readonly #chains = new TransferManager<LayerLease>(0);

  /** @param stores the layer store for each operating system, such as `{ linux: store }`. */
  constructor(stores: Readonly<Record<string, LayerStore>>, options: LayerManagerOptions = {}) {
    this.#stores = stores;
    this.#settings = transferSettings(options);
    this.#blobs = new TransferManager(options.concurrency ?? 3);
    this.state$ = this.#blobs.state$;
  }

  /** How many layers move data, and how many wait; as {@link TransferManager.state$}. */
  readonly state$: Observable<TransferManagerState>;

  /**
   * Changes how many layers move data at a time, at once; 0: any number.
   *
   * @throws InvalidConcurrencyError
   */
  setConcurrency(limit: number): void {
    this.#blobs.setConcurrency(limit);
  }

  /**
   * Downloads and registers layers on top of `base`. Cold.
   *
   * ```
   * layer 1:  --d--d--D-------R             d: Downloading     D: Download complete
   * layer 2:  --d--D----------R             R: registered, in this order, whatever came first
   * result:   ----------------(r|)
   * ```
   *
   * - Layers that the store knows, as far up as descriptors state their diffID, are not fetched.
   * - Emits progress and registrations by layer, then one `result`, and completes. From then on
   *   the receiver holds the leases on all layers, until it calls `release`.
   * - Errors with the first failure that retries couldn't cure, and gives up all leases.
   * - Unsubscribing cancels what nobody else shares and gives up all leases.
   * - Closes each descriptor exactly once, in every outcome: when the download is over, and a
   *   fetch that others share and that reads from it too.
   *
   * @param os which of the stores to use.
   * @param layers bottom-up.
   */
  download(
    base: RootFS,
    os: string,
    layers: readonly DownloadDescriptor[],
  ): Observable<DownloadEvent> {
    return defer(() =>
      downloadLayers({
        store: this.#storeFor(os),
        os,
        base,
        layers,
        blobs: this.#fetched(),
        chains: this.#chains,
        settings: this.#settings,
      }),
    );
  }

  /**
   * Brings blobs into a store as they are, without unpacking, under the same limit. Cold.
   *
   * ```
   * blob 1:  --d--d--D                  d: Downloading     D: Download complete
   * blob 2:  --d--D
   * result:  --------r----------!       doesn't complete: the blobs are held until unsubscribed
   * ```
   *
   * - Emits progress, and `layer` as each is there, then one `result`.
   * - Errors with the first failure that retries couldn't cure.
   * - Unsubscribing cancels what nobody else shares, and lets go of the blobs: what no image
   *   record needs by then can be collected.
   * - Closes each descriptor exactly once, as `download` does.
   */
  keep(store: BlobStore, blobs: readonly DownloadDescriptor[]): Observable<KeepEvent> {
    return defer(() =>
      keepBlobs({ store, blobs, manager: this.#kept(), settings: this.#settings }),
    );
  }

  /**
   * Unpacks layers onto a folder as they arrive, one after the other, under the same limit, and keeps
   * nothing of their blobs. The next one takes a slot and is asked for while the one below lacks no more
   * than 4 MiB, so that no answer is waited for between two layers; what has come of it waits until the
   * one below is unpacked. Cold.
   *
   * ```
   * layer 1:  0--d--d--U             0: Downloading, 0 bytes   d: more   U: Unpacked
   * layer 2:        0---d--d--U|
   * ```
   *
   * - Emits progress, and `layer` as each is on the folder, and completes after the last.
   * - Errors with the first failure that retries couldn't cure. What is on the folder by then stays:
   *   a DigestMismatchError or SizeMismatchError says that it holds wrong bytes.
   * - Unsubscribing cancels it; no other download shares any of it.
   * - Closes each descriptor exactly once, as `download` does.
   *
   * @param layers bottom-up.
   * @param open opens the way of a layer onto the folder, such as `applyBlob` does.
   */
  apply(
    layers: readonly DownloadDescriptor[],
    open: (blob: Descriptor, signal: AbortSignal) => Promise<FolderIngestion>,
  ): Observable<ApplyEvent> {
    return defer(() =>
      applyLayers({ open, layers, manager: this.#applied(), settings: this.#settings }),
    );
  }

  /** The fetches of layers that are unpacked onto folders, which have keys of their own. */
  #applied(): ApplyLayersOptions['manager'] {
    return this.#blobs as TransferManager<FetchedBlob<AppliedBlob>>;
  }

  /** The fetches of blobs that aren't unpacked, which have keys of their own. */
  #kept(): KeepBlobsOptions['manager'] {
    return this.#blobs as TransferManager<FetchedBlob<KeptBlob>>;
  }

  /** The fetches of layers. */
  #fetched(): LayerDownloadOptions['blobs'] {
    return this.#blobs as TransferManager<FetchedLayer>;
  }

  #storeFor(os: string): LayerStore {
    const store = Object.hasOwn(this.#stores, os) ? this.#stores[os] : undefined;
    if (store === undefined) throw new UnsupportedOSError(os, Object.keys(this.#stores));
    return store;
  }
}
