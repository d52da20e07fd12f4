import { pipeline, Readable } from 'node:stream';
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  from,
  ignoreElements,
  mergeMap,
  of,
  throwError,
  type Observable,
} from 'rxjs';
import {
  fromAbortable,
  phases,
  skipBytes,
  type LayerUploadManager,
  type UploadDescriptor,
  type UploadSlot,
} from '../distribution/index.js';
import { InvalidLayerError, isMismatch, StoreError } from '../layer/index.js';
import type { BlobBody, Descriptor } from '../oci/index.js';
import { DoNotRetry, progressEvent, resultEvent, type TransferEvent } from '../transfer/index.js';
import { UploadSession } from '../registry/index.js';
import type { BlobOrigins } from './blob-origins.js';
import { toldIDs, type Cargo } from './cargo.js';
import { closingTarget } from './closing-target.js';
import type { CopyEvent } from './events.js';
import type { ImageTree } from './image-tree.js';
import type { ImageSource, ImageTarget, WriteOptions } from './seams.js';
import { VerifyingStream } from './verifying-stream.js';

/** What {@link copyToTarget} works with. */
export interface CopyToTargetOptions {
  readonly source: ImageSource;
  readonly target: ImageTarget;
  readonly uploads: LayerUploadManager;
  /** Where blobs may be mounted from. */
  readonly origins: BlobOrigins;
  /** Finds out what is to be moved. */
  readonly load: (signal: AbortSignal) => Promise<Cargo>;
}

/** Configurations that are brought at a time. */
const configsAtATime = 4;
/** They are few and small, and wait for no layer. */
const noSlot: UploadSlot = { inactive: () => undefined };

/**
 * Brings an image, or an index with all its images, to a registry, an OCI layout or an archive:
 * layers, several at once, then configurations, and manifests last, byte for byte, so that their
 * digests stay.
 */
export function copyToTarget(options: CopyToTargetOptions): Observable<CopyEvent> {
  const { uploads, target } = options;
  return fromAbortable((signal) => options.load(signal)).pipe(
    mergeMap((cargo) => {
      const { image, ids, diffIDs } = cargo;
      const written = new Map<string, number>();
      const layers = cargo.layers.map((blob, index): UploadDescriptor => ({
        key: `${target.key} ${blob.digest}`,
        id: ids[index] ?? blob.digest,
        ...(diffIDs[index] === undefined ? {} : { diffID: diffIDs[index] }),
        ...uploadOf(options, blob, (bytes) => written.set(blob.digest, bytes)),
        setRemoteDescriptor: () => undefined,
      }));
      const layers$ = uploads
        .upload(layers)
        .pipe(mergeMap((event) => (event.kind === 'result' ? EMPTY : of(event))));
      const result$ = defer(() =>
        of({
          kind: 'result' as const,
          image,
          bytes: [...written.values()].reduce((sum, bytes) => sum + bytes, 0),
        }),
      );
      const resolved = { kind: 'resolved' as const, image, ids: toldIDs(cargo) };
      return concat(of(resolved), layers$, finish(options, cargo), result$);
    }),
    closingTarget(target),
  );
}

/** What describes the layers, and in the end the name; emits nothing. */
function finish(options: CopyToTargetOptions, cargo: Cargo): Observable<never> {
  const { target } = options;
  const configs$ = from(cargo.configs).pipe(
    mergeMap((config) => {
      const bytes = cargo.known.get(config.digest);
      const source = bytes === undefined ? options.source : { blob: () => bodyOf(bytes) };
      return uploadOf({ ...options, source }, config, () => undefined).upload(noSlot);
    }, configsAtATime),
  );
  const manifests$ = from(cargo.manifests).pipe(
    concatMap((manifest) => fromAbortable((signal) => target.keep(manifest, signal))),
  );
  // The registry takes referrers of what isn't there yet, and by its name the image has them.
  const referrers$ = from(cargo.referrers).pipe(
    concatMap(({ tree }) => fromAbortable((signal) => refer(target, tree, signal))),
  );
  const root$ = fromAbortable((signal) => target.finish(cargo.root, signal));
  return concat(configs$, manifests$, referrers$, root$).pipe(ignoreElements());
}

async function refer(target: ImageTarget, tree: ImageTree, signal: AbortSignal): Promise<void> {
  for (const document of tree.documents.slice(0, -1)) await target.keep(document, signal);
  await target.refer(tree.root, signal);
}

/** What was read already; it isn't asked for again. */
function bodyOf(bytes: Uint8Array): Promise<BlobBody> {
  const stream = Readable.from([bytes], { objectMode: false });
  return Promise.resolve({ stream, offset: 0, resumable: true });
}

/** What bringing one blob to the target takes. */
type UploadWay = Pick<CopyToTargetOptions, 'target' | 'origins'> & {
  readonly source: Pick<ImageSource, 'blob'>;
};

/** The way of a blob to the target, in any number of attempts. */
function uploadOf(
  options: UploadWay,
  blob: Descriptor,
  onWritten: (bytes: number) => void,
): Pick<UploadDescriptor, 'upload' | 'gotSomewhere'> {
  const session = new UploadSession();
  let begin = 0;
  let mismatches = 0;
  /** Wrong bytes are brought anew once; a disk or a layer that is at fault stays so. */
  const isFinal = (error: unknown): boolean =>
    isMismatch(error)
      ? ++mismatches > 1
      : error instanceof StoreError || error instanceof InvalidLayerError;
  const way: Pick<UploadDescriptor, 'upload' | 'gotSomewhere'> = {
    upload: (slot) =>
      defer(() => {
        begin = session.offset;
        return uploadBlob(options, blob, { session, slot, onWritten }).pipe(
          catchError((error: unknown) =>
            throwError(() => (isFinal(error) ? new DoNotRetry(error) : error)),
          ),
        );
      }),
    gotSomewhere: () => session.offset > begin,
  };
  return way;
}

/** What an attempt is given beside the blob. */
interface Attempt {
  readonly session: UploadSession;
  readonly slot: UploadSlot;
  readonly onWritten: (bytes: number) => void;
}

/** One attempt to bring a blob to the target by the cheapest way that works. */
function uploadBlob(
  { source, target, origins }: UploadWay,
  blob: Descriptor,
  { session, slot, onWritten }: Attempt,
): Observable<TransferEvent<Descriptor>> {
  return fromAbortable<TransferEvent<Descriptor>>(async (signal, emit) => {
    if (await target.has(blob, signal)) {
      emit(progressEvent(phases.layerExists));
      return resultEvent(blob);
    }
    // What the registry has of it already is worth more than another mount.
    const from = session.isOpen ? [] : await origins(blob.digest);
    for (const repository of from) {
      if (await target.mount(blob.digest, repository, { signal, session })) {
        emit(progressEvent(`${phases.mounted} ${repository.path}`));
        return resultEvent(blob);
      }
    }
    const total = blob.size;
    const onProgress = (current: number): void => {
      emit(progressEvent(phases.pushing, { current, total }));
    };
    const onReceived = (): void => slot.inactive();
    const options = { signal, onProgress, onReceived, session };
    const outcome = await writeTrusted({ source, target }, blob, options);
    if (outcome === 'mounted') {
      emit(progressEvent(`${phases.mounted} another repository`));
      return resultEvent(blob);
    }
    onWritten(total);
    emit(progressEvent(phases.pushed));
    return resultEvent(blob);
  });
}

/**
 * Writes a blob, from another host at once where the source has sent wrong bytes and knows one.
 *
 * @throws SizeMismatchError, DigestMismatchError
 */
async function writeTrusted(
  { source, target }: Pick<UploadWay, 'source' | 'target'>,
  blob: Descriptor,
  options: WriteOptions & { readonly session: UploadSession },
): Promise<'uploaded' | 'mounted'> {
  for (;;) {
    let body: BlobBody | undefined;
    const open = async (offset: number): Promise<Readable> => {
      body = await source.blob(blob, { offset, signal: options.signal });
      const rest = skipBytes(body.stream, offset - body.offset);
      // A source that can have them from elsewhere must hear of wrong bytes.
      const isToHear = body.distrust !== undefined && offset === 0;
      return isToHear && !target.verifies ? verified(rest, blob) : rest;
    };
    const release = (chunk: Buffer): void => body?.giveBack?.(chunk);
    try {
      return await target.write(blob, open, { ...options, release });
    } catch (error) {
      if (!isMismatch(error)) throw error;
      options.session.upload = undefined;
      if (body?.distrust?.() !== true) throw error;
    }
  }
}

function verified(bytes: Readable, blob: Descriptor): Readable {
  // The outcome is that of the latter, which its reader hears.
  return pipeline(bytes, new VerifyingStream(blob), () => undefined);
}
