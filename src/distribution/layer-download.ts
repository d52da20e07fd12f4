import {
  concat,
  concatMap,
  defer,
  EMPTY,
  filter,
  finalize,
  from,
  ignoreElements,
  merge,
  mergeMap,
  of,
  take,
  takeWhile,
  type MonoTypeOperatorFunction,
  type Observable,
} from 'rxjs';
import { DiffIDMismatchError, type LayerLease, type LayerStore } from '../layer/index.js';
import { chainIDOf, chainIDsOf, type ChainID, type DiffID, type RootFS } from '../oci/index.js';
import {
  progressEvent,
  type ResultEvent,
  type TransferEvent,
  type TransferManager,
} from '../transfer/index.js';
import { closeAfterUse, type Closable } from './closing.js';
import type { DownloadDescriptor } from './descriptors.js';
import { MissingLayerError } from './errors.js';
import { phases, type DownloadEvent, type LayerProgressEvent } from './events.js';
import { fetchLayer, type FetchedLayer } from './fetch-layer.js';
import { fromAbortable } from './from-abortable.js';
import { Leases } from './leases.js';
import type { TransferSettings } from './options.js';
import { registerLayer } from './register-layer.js';

/** What one download works on, and what it shares with the others of its manager. */
export interface LayerDownloadOptions {
  readonly store: LayerStore;
  readonly os: string;
  readonly base: RootFS;
  /** Bottom-up. */
  readonly layers: readonly DownloadDescriptor[];
  readonly blobs: TransferManager<FetchedLayer>;
  readonly chains: TransferManager<LayerLease>;
  readonly settings: TransferSettings;
}

/** One download, as LayerDownloadManager.download describes it. Subscribed once. */
export function downloadLayers(options: LayerDownloadOptions): Observable<DownloadEvent> {
  const download = new LayerDownload(options);
  return download.run().pipe(
    // The fetches live on so that others can share their results; the result ends them here.
    takeWhile((event) => event.kind !== 'result', true),
    finalize(() => download.end()),
  );
}

/** A descriptor in its place in the image, and this download's use of it. */
interface Layer {
  readonly descriptor: DownloadDescriptor;
  readonly index: number;
  readonly closing: Closable;
  readonly endUse: () => void;
}

/** A layer that the store doesn't know, and its fetch, which is shared by key. */
interface MissingLayer extends Layer {
  readonly fetch$: Observable<TransferEvent<FetchedLayer>>;
  readonly observed$: MonoTypeOperatorFunction<LayerLease>;
}

/** A layer that the store knows, leased. */
interface KnownLayer extends Layer {
  readonly lease: LayerLease;
}

class LayerDownload {
  readonly #options: LayerDownloadOptions;
  readonly #leases = new Leases();
  readonly #layers: readonly Layer[];
  /** What is registered so far, bottom-up, without the base. */
  readonly #diffIDs: DiffID[] = [];
  #top: ChainID | undefined;
  /** Bytes over the wire by key, since two layers of one key are one fetch. */
  readonly #bytes = new Map<string, number>();
  #handedOver = false;

  constructor(options: LayerDownloadOptions) {
    this.#options = options;
    this.#top = chainIDsOf(options.base.diffIDs).at(-1);
    this.#layers = options.layers.map((descriptor, index) => {
      const closing = closeAfterUse(descriptor);
      return { descriptor, index, closing, endUse: closing.use() };
    });
  }

  run(): Observable<DownloadEvent> {
    return fromAbortable((signal) => this.#acquireKnown(signal)).pipe(
      mergeMap((known) => {
        const exists$ = from(known).pipe(
          concatMap((layer) => this.#registered(layer, layer.lease, 'exists', phases.exists)),
        );
        const missing = this.#layers.slice(known.length).map((layer) => this.#missing(layer));
        const registrations$ = from(missing).pipe(concatMap((layer) => this.#register(layer)));
        const result$ = defer(() => of(this.#result()));
        return merge(exists$, this.#progress(missing), concat(registrations$, result$));
      }),
    );
  }

  end(): void {
    for (const { endUse } of this.#layers) endUse();
    if (!this.#handedOver) this.#leases.release();
  }

  /** Leases the base and the longest stack of layers on it that the store knows. */
  async #acquireKnown(signal: AbortSignal): Promise<KnownLayer[]> {
    if (this.#top !== undefined) await this.#acquire(this.#top);
    const known: KnownLayer[] = [];
    let top = this.#top;
    for (const layer of this.#layers) {
      const { diffID } = layer.descriptor;
      if (diffID === undefined || signal.aborted) break;
      top = chainIDOf(top, diffID);
      const lease = await this.#options.store.acquire(top);
      if (lease === undefined) break;
      this.#leases.add(lease);
      known.push({ ...layer, lease });
    }
    return known;
  }

  /** Leases a layer that must be there. The lease is given up if the download ends meanwhile. */
  async #acquire(chainID: ChainID): Promise<LayerLease> {
    const lease = await this.#options.store.acquire(chainID);
    if (lease === undefined) throw new MissingLayerError(chainID);
    this.#leases.add(lease);
    return lease;
  }

  #missing(layer: Layer): MissingLayer {
    const { store, os, blobs, settings } = this.#options;
    const { descriptor, closing } = layer;
    const fetch$ = blobs.transfer(
      `${os} ${descriptor.key}`,
      fetchLayer(store, descriptor, closing, settings),
      // One download is a group: downloads take turns, whatever number of layers each has.
      { group: this },
    );
    const { id, blob } = descriptor;
    const facts = { name: 'register', layer: id, digest: blob.digest } as const;
    return { ...layer, fetch$, observed$: settings.observe(facts) };
  }

  /**
   * Keeps the fetches watched, all at once and lowest first, until the download is over. Two
   * layers of one key are one fetch, and its progress is told once.
   */
  #progress(missing: readonly MissingLayer[]): Observable<DownloadEvent> {
    const told = new Set<string>();
    return merge(
      ...missing.map(({ descriptor: { key, id }, fetch$ }) => {
        if (told.has(key)) return fetch$.pipe(ignoreElements());
        told.add(key);
        return fetch$.pipe(
          mergeMap((event) =>
            event.kind === 'progress' ? of<LayerProgressEvent>({ ...event, id }) : EMPTY,
          ),
        );
      }),
    );
  }

  #register(layer: MissingLayer): Observable<DownloadEvent> {
    const { descriptor, fetch$, observed$ } = layer;
    const { store, os, chains } = this.#options;
    return fetch$.pipe(
      filter(isResult),
      take(1),
      concatMap(({ value: { staged, bytes } }) => {
        const { diffID } = staged;
        if (descriptor.diffID !== undefined && descriptor.diffID !== diffID) {
          throw new DiffIDMismatchError(descriptor.blob.digest, descriptor.diffID, diffID);
        }
        this.#bytes.set(descriptor.key, bytes);
        const chainID = chainIDOf(this.#top, diffID);
        const registration$ = chains.transfer(
          `${os} ${chainID}`,
          registerLayer(store, staged, this.#top, observed$),
        );
        return registration$.pipe(
          filter(isResult),
          // Our own lease is taken while the registration, still watched, holds one.
          concatMap(() => from(this.#acquire(chainID))),
          take(1),
        );
      }),
      concatMap((lease) => this.#registered(layer, lease, 'pulled', phases.pulled)),
    );
  }

  #registered(
    { descriptor, index }: Layer,
    { layer }: LayerLease,
    status: 'pulled' | 'exists',
    phase: string,
  ): Observable<DownloadEvent> {
    this.#diffIDs.push(layer.diffID);
    this.#top = layer.chainID;
    descriptor.registered?.(layer.diffID);
    const { id, blob } = descriptor;
    const { diffID, chainID } = layer;
    const facts = { digest: blob.digest, diffID, chainID, status };
    this.#options.settings.logger.debug(facts, 'layer registered');
    return of<DownloadEvent[]>(
      { ...progressEvent(phase), id },
      { kind: 'layer', id, index, layer, status },
    );
  }

  #result(): DownloadEvent {
    this.#handedOver = true;
    return {
      kind: 'result',
      rootFS: { diffIDs: [...this.#options.base.diffIDs, ...this.#diffIDs] },
      bytes: [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0),
      release: () => this.#leases.release(),
    };
  }
}

function isResult<T>(event: TransferEvent<T>): event is ResultEvent<T> {
  return event.kind === 'result';
}
