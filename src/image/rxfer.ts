import { defer, mergeMap, type Observable } from 'rxjs';
import {
  fromAbortable,
  LayerDownloadManager,
  LayerUploadManager,
  type LayerManagerOptions,
} from '../distribution/index.js';
import type { Store } from '../layer/index.js';
import {
  formatReference,
  parseHost,
  parseReference,
  parseRepository,
  type Descriptor,
  type Reference,
} from '../oci/index.js';
import { retryingClient, type RegistryClient, type RetryingClient } from '../registry/index.js';
import {
  unobserved,
  type OperationObserver,
  type TransferManagerState,
} from '../transfer/index.js';
import { blobOrigins } from './blob-origins.js';
import { loadCargo, withoutForeignLayers } from './cargo.js';
import { copyAllToStore } from './copy-all-to-store.js';
import { copyToStore } from './copy-to-store.js';
import { copyToTarget } from './copy-to-target.js';
import { InvalidLocationError } from './errors.js';
import type { CopyEvent, PullEvent, UnpackEvent } from './events.js';
import { fillFolder } from './fill-folder.js';
import { fileSource, fileTarget } from './files.js';
import { keepReferrers } from './keep-referrers.js';
import { listed, type ListingOptions, type ReferrersOptions } from './listed.js';
import { parseLocation, parseUnpackLocation, type Location } from './location.js';
import type { MoveOptions, PushOptions, RegistryChoice, UnpackOptions } from './move-options.js';
import { RegistrySource, RegistryTarget } from './registry-image.js';
import { repairImage } from './repair-image.js';
import type { ImageSource } from './seams.js';
import { StoreSource } from './store-image.js';
import { withStoredLayers } from './stored-layers.js';
import { unpackImage } from './unpack-image.js';
import { withWaits, type TellWait } from './with-waits.js';

/** What {@link createRxfer} is built with. */
export interface RxferOptions extends LayerManagerOptions {
  /** Where images are pulled to. */
  readonly store: Store;
  /** Its owner closes it, once nothing uses it any more. */
  readonly registry: RegistryClient;
}

/**
 * Moves images. All that is started on one of these shares its transfers, under one limit.
 *
 * The Observables are cold: nothing happens before they are subscribed, and unsubscribing cancels
 * what nobody else shares. They complete, or error with a typed error (docs/errors.md); a reference
 * that is none is an error of theirs too, and nothing is thrown.
 */
export interface Rxfer {
  /**
   * Pulls an image from its registry into the store. Cold.
   *
   * - Emits one `resolved`, progress and `layer` by layer, one `result`, and completes. The image
   *   has its name in the store by then. In between, `retry` tells each second of a wait for what
   *   describes the image, as it does in a push, a copy and a repair.
   * - Whoever gets the result holds the leases on the layers, so that no collection removes them,
   *   until calling its `release`.
   * - Errors with the first failure that retries couldn't cure. What has come of a layer stays, and
   *   the next pull goes on there; no lease is left.
   * - Unsubscribing cancels what no other pull shares.
   */
  pull(reference: string, options?: MoveOptions & RegistryChoice): Observable<PullEvent>;
  /**
   * Pushes an image of the store, by default the one of the same name, to a registry. Cold.
   *
   * - Emits one `resolved`, progress and `layer` by layer, one `result`, and completes. The manifest
   *   goes last, so that the name never leads to half an image.
   * - Errors with the first failure that retries couldn't cure; layers that are there stay there.
   * - Unsubscribing cancels what no other push shares.
   */
  push(reference: string, options?: PushOptions): Observable<CopyEvent>;
  /**
   * Copies an image from one place to another: `REF` on a registry, `store:REF`,
   * `oci:FOLDER[:TAG]`, an OCI image layout, `oci-archive:FILE[:TAG]`, one in a tar, or
   * `docker-archive:FILE[:REF]`, as `docker save` writes; one that has no name there is read by its
   * place, `docker-archive:FILE:@INDEX`, from 0. An archive that is there is replaced. Cold.
   *
   * Emits, completes and errors as `pull` does where the store is the destination, and as `push`
   * does elsewhere. Of an archive that isn't finished, also since it was unsubscribed, no file is left.
   */
  copy(
    source: string,
    destination: string,
    options?: MoveOptions,
  ): Observable<PullEvent | CopyEvent>;
  /**
   * Unpacks an image's root file system into a folder that is new or empty. A folder that isn't
   * filled to the end is emptied again.
   *
   * A plain reference or `store:REF` is an image of the store; of one that was pulled in all platforms,
   * any can be unpacked. By default layers are unpacked from their blobs, and their diffIDs prove each
   * byte. With `link` they are made from the files that the store has unpacked, where it has, which are
   * trusted to be what {@link StoreMaintenance.verify} would find them.
   *
   * An image of elsewhere, `docker://REF`, `oci:FOLDER[:TAG]`, `oci-archive:FILE[:TAG]` or
   * `docker-archive:FILE[:REF]`, is unpacked as it arrives, one layer after the other, verified by
   * digests and diffIDs, and nothing of it is kept in the store. Where a host had wrong bytes, the folder
   * is emptied and filled anew, three times at most.
   *
   * Cold. Emits progress by layer, for an image of elsewhere after one `resolved` and with a `layer` each,
   * one `result`, and completes. Errors with what the first layer fails with, and with an image or a
   * layer that isn't there.
   */
  unpack(source: string, directory: string, options?: UnpackOptions): Observable<UnpackEvent>;
  /**
   * Pulls an image of the store again as it was recorded, by its digest, and fetches what is
   * missing of it. For what StoreMaintenance.verify calls affected. Cold; emits, completes and errors
   * as `pull` does, and the result is to be released as well.
   */
  repair(reference: string): Observable<PullEvent>;
  /**
   * The tags of a repository, such as `alpine` or `localhost:5000/app`. A page is asked for once
   * the one before has been taken, so that `take(n)` asks for no more than it needs. Cold; emits
   * them one by one and completes after the last, or errors where a page can't be had.
   */
  tags(repository: string, options?: ListingOptions & RegistryChoice): Observable<string>;
  /**
   * The repositories of a registry, such as `localhost:5000`, by their paths. Cold; emits them one by
   * one, page by page as `tags` does, and completes after the last. Errors with ERR_NO_CATALOG where
   * the registry doesn't list them.
   */
  catalog(host: string, options?: ListingOptions): Observable<string>;
  /**
   * What has an image or artifact of a registry as its subject, such as signatures, as far as the
   * registry or the tag in place of a list says; of one `artifactType` where that is given. Cold;
   * emits one by one and completes after the last, at once where there are none. Errors where a tag
   * isn't there.
   */
  referrers(reference: string, options?: ReferrersOptions): Observable<Descriptor>;
  /**
   * Removes a tag from a registry, or by digest a manifest with all its tags, for everybody.
   * Cold; emits the reference in full once it is done, and completes. Errors with ERR_DELETE_REFUSED
   * where the registry deletes no such thing. Unsubscribing may come too late.
   */
  delete(reference: string): Observable<string>;
  /** Changes how many layers move data at a time in each direction, at once; 0: any number. */
  setConcurrency(limit: number): void;
  /** How many layers are being downloaded, and how many wait; as {@link TransferManager.state$}. */
  readonly downloads$: Observable<TransferManagerState>;
  /** How many layers are being uploaded, and how many wait; as {@link TransferManager.state$}. */
  readonly uploads$: Observable<TransferManagerState>;
}

/**
 * Brings a store, a registry client and the layer managers together.
 *
 * @example
 * const registry = createRegistryClient();
 * const rxfer = createRxfer({ store: await openDiskStore('images'), registry });
 * rxfer.pull('alpine:3.20').subscribe(console.log);
 */
export function createRxfer(options: RxferOptions): Rxfer {
  return new SharedRxfer(options);
}

class SharedRxfer implements Rxfer {
  readonly #store: Store;
  readonly #registry: RetryingClient;
  readonly #retrying: (client: RegistryClient) => RetryingClient;
  readonly #downloads: LayerDownloadManager;
  readonly #uploads: LayerUploadManager;
  readonly #observe: OperationObserver;
  readonly downloads$: Observable<TransferManagerState>;
  readonly uploads$: Observable<TransferManagerState>;

  constructor({ store, registry, ...options }: RxferOptions) {
    this.#store = store;
    this.#retrying = (client) => retryingClient(client, options);
    this.#registry = this.#retrying(registry);
    this.#observe = options.observeOperation ?? unobserved;
    const stores = { linux: store.layers, windows: store.layers, freebsd: store.layers };
    this.#downloads = new LayerDownloadManager(stores, options);
    this.#uploads = new LayerUploadManager(options);
    this.downloads$ = this.#downloads.state$;
    this.uploads$ = this.#uploads.state$;
  }

  pull(
    reference: string,
    { registry: chosen, ...options }: MoveOptions & RegistryChoice = {},
  ): Observable<PullEvent> {
    return withWaits((tell) => {
      const parsed = parseReference(reference);
      const registry = this.#telling(tell, parsed, chosen);
      const observed$ = this.#observe<PullEvent>({
        name: 'pull',
        reference: formatReference(parsed),
      });
      const source = new RegistrySource(registry, parsed, options.foreignLayers);
      return this.#copyToStore(source, parsed, options).pipe(observed$);
    });
  }

  push(
    reference: string,
    { source = reference, registry: chosen, ...options }: PushOptions = {},
  ): Observable<CopyEvent> {
    return withWaits((tell) => {
      const to = parseReference(reference);
      const registry = this.#telling(tell, to, chosen);
      const stored = this.#stored(parseReference(source), options);
      const observed$ = this.#observe<CopyEvent>({ name: 'push', reference: formatReference(to) });
      return this.#copyToRegistry(stored, to, options, registry).pipe(observed$);
    });
  }

  copy(
    source: string,
    destination: string,
    options: MoveOptions = {},
  ): Observable<PullEvent | CopyEvent> {
    const copy$ = withWaits((tell): Observable<PullEvent | CopyEvent> => {
      const from = this.#source(parseLocation(source), options, tell);
      const to = parseLocation(destination);
      if (to.kind === 'store') return this.#copyToStore(from, to.reference, options);
      if (to.kind === 'docker-archive' && to.index !== undefined) {
        throw new InvalidLocationError(destination, 'an archive is written anew, with one image');
      }
      if (to.kind === 'docker-archive' && options.referrers === 'all') {
        throw new InvalidLocationError(
          destination,
          'an archive for docker load holds no referrers',
          {
            hint: 'Copy to oci:FOLDER[:TAG] or oci-archive:FILE[:TAG], or leave the referrers out.',
          },
        );
      }
      if (to.kind === 'registry') {
        const registry = this.#telling(tell, to.reference);
        return this.#copyToRegistry(from, to.reference, options, registry);
      }
      return copyToTarget({
        source: from,
        target: fileTarget(to),
        uploads: this.#uploads,
        origins: () => Promise.resolve([]),
        load: (signal) => loadCargo(from, options, signal),
      });
    });
    return defer(() => copy$.pipe(this.#observe({ name: 'copy' })));
  }

  unpack(
    source: string,
    directory: string,
    { platform, link, foreignLayers: foreign = 'refuse' }: UnpackOptions = {},
  ): Observable<UnpackEvent> {
    return withWaits((tell): Observable<UnpackEvent> => {
      const location = parseUnpackLocation(source);
      if (location.kind === 'store') {
        const reference = formatReference(location.reference);
        const image = { store: this.#store, reference, platform };
        return withStoredLayers(
          { ...image, downloads: this.#downloads },
          unpackImage({ ...image, directory, link }),
        );
      }
      if (link !== undefined) {
        throw new InvalidLocationError(source, 'no files of it are unpacked that could be shared', {
          hint: 'Pull or copy it into the store first, or leave the link option out.',
        });
      }
      return fillFolder({
        source: this.#source(location, { foreignLayers: foreign }, tell),
        downloads: this.#downloads,
        directory,
        platform,
        foreign,
        limits: this.#store.layers.limits,
      });
    });
  }

  repair(reference: string): Observable<PullEvent> {
    return withWaits((tell) => {
      const parsed = parseReference(reference);
      return repairImage({
        store: this.#store,
        registry: this.#telling(tell, parsed),
        downloads: this.#downloads,
        reference: formatReference(parsed),
      });
    });
  }

  tags(
    repository: string,
    { registry, ...options }: ListingOptions & RegistryChoice = {},
  ): Observable<string> {
    return listed((signal) =>
      this.#chosen(registry).tags(parseRepository(repository), { ...options, signal }),
    );
  }

  catalog(host: string, options: ListingOptions = {}): Observable<string> {
    return listed((signal) => this.#registry.repositories(parseHost(host), { ...options, signal }));
  }

  referrers(reference: string, options: ReferrersOptions = {}): Observable<Descriptor> {
    const parsed$ = fromAbortable(async (signal) => {
      const parsed = parseReference(reference);
      const { digest } =
        parsed.digest === undefined
          ? await this.#registry.resolve(parsed, signal)
          : { digest: parsed.digest };
      return { parsed, digest };
    });
    return parsed$.pipe(
      mergeMap(({ parsed, digest }) =>
        listed((signal) => this.#registry.referrers(parsed, digest, { ...options, signal })),
      ),
    );
  }

  delete(reference: string): Observable<string> {
    return fromAbortable(async (signal) => {
      const parsed = parseReference(reference);
      await this.#registry.delete(parsed, signal);
      return formatReference(parsed);
    });
  }

  setConcurrency(limit: number): void {
    this.#downloads.setConcurrency(limit);
    this.#uploads.setConcurrency(limit);
  }

  #chosen(registry: RegistryClient | undefined): RetryingClient {
    return registry === undefined ? this.#registry : this.#retrying(registry);
  }

  #copyToStore(
    source: ImageSource,
    reference: Reference,
    { platform, platforms = 'one', referrers = 'none', foreignLayers = 'refuse' }: MoveOptions,
  ): Observable<PullEvent> {
    const copy$ = platforms === 'all' ? copyAllToStore : copyToStore;
    const options = {
      source,
      store: this.#store,
      downloads: this.#downloads,
      reference: formatReference(reference),
      platform,
      foreign: foreignLayers,
    };
    return referrers === 'all' ? copy$(options).pipe(keepReferrers(options)) : copy$(options);
  }

  #copyToRegistry(
    source: ImageSource,
    reference: Reference,
    options: MoveOptions,
    registry: RegistryClient,
  ): Observable<CopyEvent> {
    return copyToTarget({
      source,
      target: new RegistryTarget(registry, reference),
      uploads: this.#uploads,
      origins: blobOrigins(this.#store, source.repository, reference),
      load: async (signal) => {
        const cargo = await loadCargo(source, options, signal);
        return options.foreignLayers === 'push' ? cargo : withoutForeignLayers(cargo);
      },
    });
  }

  /** The client for one image, which tells of its waits. */
  #telling(tell: TellWait, image: Reference, chosen?: RegistryClient): RegistryClient {
    const reference = formatReference(image);
    return this.#chosen(chosen).watched((retryIn) => tell({ kind: 'retry', reference, retryIn }));
  }

  #source(location: Location, options: MoveOptions, tell: TellWait): ImageSource {
    if (location.kind === 'store') return this.#stored(location.reference, options);
    if (location.kind !== 'registry') return fileSource(location);
    const registry = this.#telling(tell, location.reference);
    return new RegistrySource(registry, location.reference, options.foreignLayers);
  }

  #stored(reference: Reference, { platforms }: MoveOptions): StoreSource {
    return new StoreSource(this.#store, formatReference(reference), platforms);
  }
}
