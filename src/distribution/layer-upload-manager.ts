import { concat, defer, EMPTY, merge, mergeMap, of, type Observable } from 'rxjs';
import type { Descriptor } from '../oci/index.js';
import {
  retryTransfer,
  TransferManager,
  whenStarted,
  type TransferEvent,
  type TransferJob,
  type TransferManagerState,
} from '../transfer/index.js';
import type { UploadDescriptor } from './descriptors.js';
import { phases, type UploadEvent } from './events.js';
import { unwrapped } from './unwrapped.js';
import { transferSettings, type LayerManagerOptions, type TransferSettings } from './options.js';

/**
 * Brings layers to a target, several at once under one limit. Two uploads of one key at the same
 * time are one.
 */
export class LayerUploadManager {
  readonly #uploads: TransferManager<Descriptor>;
  readonly #settings: TransferSettings;

  constructor(options: LayerManagerOptions = {}) {
    this.#settings = transferSettings(options);
    this.#uploads = new TransferManager(options.concurrency ?? 5);
    this.state$ = this.#uploads.state$;
  }

  /** How many layers move data, and how many wait; as {@link TransferManager.state$}. */
  readonly state$: Observable<TransferManagerState>;

  /**
   * Changes how many layers move data at a time, at once; 0: any number.
   *
   * @throws InvalidConcurrencyError
   */
  setConcurrency(limit: number): void {
    this.#uploads.setConcurrency(limit);
  }

  /**
   * Brings all the layers to the target. Cold.
   *
   * ```
   * layer 1:  p--u--u--U             p: Preparing   u: Pushing   U: Pushed
   * layer 2:  p--w-----u--u--U       w: Waiting
   * result:   ---------------(r|)
   * ```
   *
   * - Emits progress by layer and `layer` as each is there, then one `result` with what the
   *   target stores, in the order of `layers`, and completes.
   * - Calls `setRemoteDescriptor` of each descriptor once, whoever's upload it shared.
   * - Errors with the first failure that retries couldn't cure.
   * - Unsubscribing cancels what nobody else shares.
   */
  upload(layers: readonly UploadDescriptor[]): Observable<UploadEvent> {
    return defer(() => {
      // One upload is a group: uploads take turns, whatever number of layers each has.
      const group = {};
      const stored: Descriptor[] = [];
      const told = new Set<string>();
      const uploads = layers.map((layer, index) => {
        const first = !told.has(layer.key);
        told.add(layer.key);
        return this.#uploads.transfer(layer.key, this.#job(layer), { group }).pipe(
          mergeMap((event): Observable<UploadEvent> => {
            if (event.kind === 'progress') return first ? of({ ...event, id: layer.id }) : EMPTY;
            stored[index] = event.value;
            layer.setRemoteDescriptor(event.value);
            return of({ kind: 'layer', id: layer.id, index, descriptor: event.value });
          }),
        );
      });
      const result$ = defer(() => of<UploadEvent>({ kind: 'result', descriptors: stored }));
      return concat(merge(...uploads), result$);
    });
  }

  #job(layer: UploadDescriptor): TransferJob<Descriptor> {
    const countsAnew = (): boolean => layer.gotSomewhere?.() ?? false;
    const { retry, observe } = this.#settings;
    const observed$ = observe<TransferEvent<Descriptor>>({ name: 'upload', layer: layer.id });
    return whenStarted(
      (slot) =>
        layer.upload(slot).pipe(retryTransfer({ ...retry, countsAnew }), unwrapped(), observed$),
      { first: phases.preparing, waiting: phases.waiting },
    );
  }
}
