import type { Readable } from 'node:stream';
import { concat, defer, EMPTY, finalize, map, mergeMap, of, type Observable } from 'rxjs';
import {
  fromAbortable,
  phases,
  skipBytes,
  type LayerUploadManager,
  type UploadDescriptor,
} from '../distribution/index.js';
import type { Descriptor, Platform } from '../oci/index.js';
import { progressEvent, resultEvent, type TransferEvent } from '../transfer/index.js';
import { UploadSession } from '../registry/index.js';
import type { BlobOrigins } from './blob-origins.js';
import type { CopyEvent } from './events.js';
import { layerIDs, resolveImage, type DescribedImage } from './resolve-image.js';
import type { ImageSource, ImageTarget } from './seams.js';

/** What {@link copyToTarget} works with. */
export interface CopyToTargetOptions {
  readonly source: ImageSource;
  readonly target: ImageTarget;
  readonly uploads: LayerUploadManager;
  readonly platform: Platform | undefined;
  /** Where blobs may be mounted from. */
  readonly origins: BlobOrigins;
}

/**
 * Brings an image of one platform to a registry or an OCI layout: its layers, several at once,
 * then its configuration, and its manifest last, byte for byte, so that its digest stays.
 */
export function copyToTarget(options: CopyToTargetOptions): Observable<CopyEvent> {
  const { source, uploads, platform } = options;
  return fromAbortable((signal) => resolveImage(source, platform, signal)).pipe(
    mergeMap((described) => {
      const { image } = described;
      const ids = layerIDs(image.layers);
      const written = new Map<string, number>();
      const layers = image.layers.map((blob, index): UploadDescriptor => ({
        key: `${options.target.key} ${blob.digest}`,
        id: ids[index] ?? blob.digest,
        ...(described.diffIDs?.[index] === undefined ? {} : { diffID: described.diffIDs[index] }),
        ...uploadOf(options, blob, (bytes) => written.set(blob.digest, bytes)),
        setRemoteDescriptor: () => undefined,
      }));
      const layers$ = uploads
        .upload(layers)
        .pipe(mergeMap((event) => (event.kind === 'result' ? EMPTY : of(event))));
      const result$ = defer(() => finish(options, described)).pipe(
        map(() => ({
          kind: 'result' as const,
          image,
          bytes: [...written.values()].reduce((sum, bytes) => sum + bytes, 0),
        })),
      );
      return concat(of({ kind: 'resolved' as const, image, ids }), layers$, result$);
    }),
    // Its own business by now: whoever watches has left, or has the outcome.
    finalize(() => void options.target.close?.().catch(() => undefined)),
  );
}

function finish(options: CopyToTargetOptions, described: DescribedImage): Observable<void> {
  const { target } = options;
  const { config, manifest } = described;
  const config$ = uploadOf(options, config.descriptor, () => undefined).upload();
  const manifest$ = fromAbortable((signal) => target.finish(manifest, signal));
  return concat(config$.pipe(mergeMap(() => EMPTY)), manifest$);
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
