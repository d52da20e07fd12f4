import type { Readable } from 'node:stream';
import {
  concat,
  concatMap,
  defer,
  EMPTY,
  from,
  ignoreElements,
  mergeMap,
  of,
  type Observable,
} from 'rxjs';
import {
  fromAbortable,
  phases,
  skipBytes,
  type LayerUploadManager,
  type UploadDescriptor,
} from '../distribution/index.js';
import type { Descriptor } from '../oci/index.js';
import { progressEvent, resultEvent, type TransferEvent } from '../transfer/index.js';
import { UploadSession } from '../registry/index.js';
import type { BlobOrigins } from './blob-origins.js';
import type { Cargo } from './cargo.js';
import { closingTarget } from './closing-target.js';
import type { CopyEvent } from './events.js';
import type { ImageSource, ImageTarget } from './seams.js';

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
      const resolved = { kind: 'resolved' as const, image, ids };
      return concat(of(resolved), layers$, finish(options, cargo), result$);
    }),
    closingTarget(target),
  );
}

/** What describes the layers, and in the end the name; emits nothing. */
function finish(options: CopyToTargetOptions, cargo: Cargo): Observable<never> {
  const { target } = options;
  const configs$ = from(cargo.configs).pipe(
    mergeMap((config) => uploadOf(options, config, () => undefined).upload(), configsAtATime),
  );
  const manifests$ = from(cargo.manifests).pipe(
    concatMap((manifest) => fromAbortable((signal) => target.keep(manifest, signal))),
  );
  const root$ = fromAbortable((signal) => target.finish(cargo.root, signal));
  return concat(configs$, manifests$, root$).pipe(ignoreElements());
}

/** The way of a blob to the target, in any number of attempts. */
function uploadOf(
  options: CopyToTargetOptions,
  blob: Descriptor,
  onWritten: (bytes: number) => void,
): Pick<UploadDescriptor, 'upload' | 'gotSomewhere'> {
  const session = new UploadSession();
  let begin = 0;
  const way: Pick<UploadDescriptor, 'upload' | 'gotSomewhere'> = {
    upload: () =>
      defer(() => {
        begin = session.offset;
        return uploadBlob(options, blob, session, onWritten);
      }),
    gotSomewhere: () => session.offset > begin,
  };
  return way;
}

/** One attempt to bring a blob to the target by the cheapest way that works. */
function uploadBlob(
  { source, target, origins }: CopyToTargetOptions,
  blob: Descriptor,
  session: UploadSession,
  onWritten: (bytes: number) => void,
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
    const open = async (offset: number): Promise<Readable> => {
      const body = await source.blob(blob, { offset, signal });
      return skipBytes(body.stream, offset - body.offset);
    };
    const outcome = await target.write(blob, open, { signal, onProgress, session });
    if (outcome === 'mounted') {
      emit(progressEvent(`${phases.mounted} another repository`));
      return resultEvent(blob);
    }
    onWritten(total);
    emit(progressEvent(phases.pushed));
    return resultEvent(blob);
  });
}
