import { concat, defer, from, NEVER, type Observable } from 'rxjs';
import {
  InvalidLayerError,
  isMismatch,
  LayerLimitError,
  StoreError,
  type BlobIngest,
  type LayerStore,
  type StagedLayer,
} from '../layer/index.js';
import type { Descriptor } from '../oci/index.js';
import {
  DoNotRetry,
  progressEvent,
  resultEvent,
  retryTransfer,
  whenStarted,
  type TransferContext,
  type TransferEvent,
  type TransferJob,
} from '../transfer/index.js';
import type { Closable } from './closing.js';
import type { DownloadDescriptor } from './descriptors.js';
import { ShortBodyError, WrongOffsetError } from './errors.js';
import { phases } from './events.js';
import { fromAbortable } from './from-abortable.js';
import type { TransferSettings } from './options.js';
import { skipBytes } from './skip-bytes.js';
import { unwrapped } from './unwrapped.js';

/** A blob that was fetched and verified, and is held until whoever needs it has it. */
export interface FetchedBlob<TWhole> {
  /** What it came to: a layer that waits to be registered, one on a folder, or the blob itself. */
  readonly staged: TWhole;
  /** Bytes that came over the wire for it. */
  readonly bytes: number;
}

/** See {@link FetchedBlob}. */
export type FetchedLayer = FetchedBlob<StagedLayer>;

/** The way of a blob that a fetch needs: it goes on where it stands, and begins nothing anew. */
type FetchIngest<TWhole> = Omit<BlobIngest<TWhole>, 'restart'>;

/** Where a blob goes. */
export interface BlobDestination<TWhole> {
  open(blob: Descriptor, signal: AbortSignal): Promise<FetchIngest<TWhole>>;
  /** What is told once its last byte is there, if there is more to do. */
  readonly completing?: string;
}

/** The job that fetches a layer, which the store unpacks. */
export function fetchLayer(
  store: LayerStore,
  descriptor: DownloadDescriptor,
  closing: Closable,
  settings: TransferSettings,
): TransferJob<FetchedLayer> {
  const open = store.ingest.bind(store);
  return fetchBlob({ open, completing: phases.extracting }, descriptor, closing, settings);
}

/**
 * The job that brings one blob into the store's staging area. It gives its slot back as soon as
 * the last byte is there, and lives on after its result, so that what is staged stays until the
 * last who shares it has registered it or gone.
 *
 * ```
 * watched:  ^------------------------------!
 * slot:          [=========]
 * job:      p-w--d--d--d--dvce--r---------- (cleanup: the ingest is closed, the staged discarded)
 * ```
 */
export function fetchBlob<TWhole extends Discardable>(
  destination: BlobDestination<TWhole>,
  descriptor: DownloadDescriptor,
  closing: Closable,
  settings: TransferSettings,
): TransferJob<FetchedBlob<TWhole>> {
  const { id: layer, blob } = descriptor;
  const observed$ = settings.observe<TransferEvent<FetchedBlob<TWhole>>>({
    name: 'download',
    layer,
    digest: blob.digest,
    size: blob.size,
  });
  return whenStarted(
    (context) => {
      const letGo = closing.use();
      const fetch = new BlobFetch(destination, descriptor, context, settings);
      context.cleanup(defer(() => from(fetch.close().finally(letGo))));
      return concat(fetch.run().pipe(observed$), NEVER);
    },
    { first: phases.pulling, waiting: phases.waiting },
  );
}

const finalErrors = [StoreError, InvalidLayerError, LayerLimitError];

/** What a store hands over. */
type Discardable = Pick<StagedLayer, 'discard'>;

class BlobFetch<TWhole extends Discardable> {
  readonly #completing: string | undefined;
  readonly #descriptor: DownloadDescriptor;
  readonly #context: TransferContext;
  readonly #settings: TransferSettings;
  readonly #ingest: Promise<FetchIngest<TWhole>>;
  #staged: Promise<TWhole> | undefined;
  /** The last attempt moved bytes, and the next can go on from there. */
  #gotSomewhere = false;
  #mismatches = 0;
  #bytes = 0;

  constructor(
    destination: BlobDestination<TWhole>,
    descriptor: DownloadDescriptor,
    context: TransferContext,
    settings: TransferSettings,
  ) {
    this.#completing = destination.completing;
    this.#descriptor = descriptor;
    this.#context = context;
    this.#settings = settings;
    this.#ingest = destination.open(descriptor.blob, context.signal);
    // Heard in run and in close; not at all when cancelled before either.
    this.#ingest.catch(() => undefined);
  }

  run(): Observable<TransferEvent<FetchedBlob<TWhole>>> {
    const attempt$ = fromAbortable<TransferEvent<FetchedBlob<TWhole>>>((signal, emit) =>
      this.#attempt(signal, emit),
    );
    return attempt$.pipe(
      retryTransfer({ ...this.#settings.retry, countsAnew: () => this.#gotSomewhere }),
      unwrapped(),
    );
  }

  async close(): Promise<void> {
    const ingest = await this.#ingest.catch(() => undefined);
    await ingest?.close();
    const staged = await this.#staged?.catch(() => undefined);
    await staged?.discard();
  }

  async #attempt(
    signal: AbortSignal,
    emit: (event: TransferEvent<FetchedBlob<TWhole>>) => void,
  ): Promise<TransferEvent<FetchedBlob<TWhole>>> {
    this.#gotSomewhere = false;
    try {
      const ingest = await this.#ingest;
      if (ingest.offset < this.#descriptor.blob.size) {
        let received = false;
        while (!received) received = await this.#receive(ingest, signal, emit);
        this.#context.inactive();
        // The digest was verified as the last byte came in.
        emit(progressEvent(phases.verifying));
        emit(progressEvent(phases.downloaded));
      } else {
        this.#context.inactive();
      }
      if (this.#completing !== undefined) emit(progressEvent(this.#completing));
      this.#staged = ingest.complete(signal);
      return resultEvent({ staged: await this.#staged, bytes: this.#bytes });
    } catch (error) {
      throw this.#isFinal(error) ? new DoNotRetry(error) : error;
    }
  }

  /** Resolves false when the bytes were wrong and the source has them from elsewhere. */
  async #receive(
    ingest: FetchIngest<TWhole>,
    signal: AbortSignal,
    emit: (event: TransferEvent<FetchedBlob<TWhole>>) => void,
  ): Promise<boolean> {
    const { digest, size } = this.#descriptor.blob;
    const begin = ingest.offset;
    if (begin > 0) this.#settings.logger.info({ digest, offset: begin, size }, 'blob resumed');
    emit(progressEvent(phases.downloading, { current: begin, total: size }));
    const body = await this.#descriptor.download({ offset: begin, signal });
    if (body.offset > begin) {
      body.stream.destroy();
      throw new WrongOffsetError(digest, begin, body.offset);
    }
    let received = begin;
    const onProgress = (offset: number): void => {
      this.#gotSomewhere ||= body.resumable && offset > begin;
      this.#bytes += offset - received;
      received = offset;
      emit(progressEvent(phases.downloading, { current: offset, total: size }));
    };
    try {
      await ingest.append(skipBytes(body.stream, begin - body.offset), { signal, onProgress });
    } catch (error) {
      // The ingest has begun anew by itself.
      if (isMismatch(error) && body.distrust?.() === true) return false;
      throw error;
    }
    if (ingest.offset < size) throw new ShortBodyError(digest, ingest.offset, size);
    return true;
  }

  /** Wrong bytes are fetched anew once, whole; a store or a layer that is at fault stays so. */
  #isFinal(error: unknown): boolean {
    if (isMismatch(error)) {
      this.#mismatches++;
      this.#gotSomewhere = false;
      return this.#mismatches > 1;
    }
    return finalErrors.some((kind) => error instanceof kind);
  }
}
