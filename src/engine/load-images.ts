import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { catchError, concat, concatMap, defer, filter, finalize, from } from 'rxjs';
import { map, mergeMap, of, tap, throwError, type Observable } from 'rxjs';
import { fromAbortable, phases } from '../distribution/index.js';
import {
  ArchiveError,
  archivedImages,
  type ArchivedImage,
  type CopyEvent,
  type PullEvent,
  type Rxfer,
} from '../image/index.js';
import { familiarReference, parseReference, type Digest } from '../oci/index.js';
import { dockerLines, type LayerNews } from '../progress/index.js';
import type { Activity } from './activity.js';
import { EngineRequestError } from './errors.js';
import { unnamedReference } from './image-names.js';
import { spool } from './spool.js';

/** What {@link loadImages} works with. */
export interface LoadImagesOptions {
  readonly rxfer: Rxfer;
  readonly activity: Activity;
  /** Bytes that the archive may have, as it comes and uncompressed. */
  readonly limit: number;
  readonly progress: 'told' | 'quiet';
  /** Called with each image's id, and its name or once more the id, once it is there. */
  readonly onLoaded: (id: Digest, name: string) => void;
}

/** An image of an archive, to be loaded under one name, or none. */
interface Loading {
  /** As {@link Rxfer.copy} reads it. */
  readonly source: string;
  readonly id: Digest;
  readonly reference: string | undefined;
}

/**
 * Brings the images of a `docker save` archive into the store, and tells of it in the lines that
 * Docker streams. The archive is kept in a temporary file meanwhile.
 */
export function loadImages(body: Readable, options: LoadImagesOptions): Observable<string> {
  return defer(() => from(mkdtemp(join(tmpdir(), 'rxfer-load-')))).pipe(
    mergeMap((folder) => {
      const file = join(folder, 'images.tar');
      const loadings$ = fromAbortable(async (signal) => {
        await spool(body, file, options.limit, signal);
        return loadingsOf(file, await archivedImages(file, signal));
      });
      return loadings$.pipe(
        catchError((error: unknown) => throwError(() => withoutFile(error))),
        mergeMap((loadings) => from(loadings)),
        concatMap((loading) => loadImage(loading, options)),
        finalize(() => void rm(folder, { recursive: true, force: true }).catch(() => undefined)),
      );
    }),
  );
}

function loadingsOf(file: string, images: readonly ArchivedImage[]): Loading[] {
  return images.flatMap(({ id, references }, index): Loading[] => {
    const source = `docker-archive:${file}:@${index}`;
    if (references.length === 0) return [{ source, id, reference: undefined }];
    return references.map((reference) => ({ source, id, reference }));
  });
}

function loadImage(
  { source, id, reference }: Loading,
  { rxfer, activity, progress, onLoaded }: LoadImagesOptions,
): Observable<string> {
  const name = reference === undefined ? id : familiarReference(parseReference(reference));
  const what = reference === undefined ? 'Loaded image ID' : 'Loaded image';
  const events$ = rxfer.copy(source, `store:${reference ?? unnamedReference(id)}`).pipe(
    tap(release),
    // Ahead of what is told of it in the log and on the dashboard.
    catchError((error: unknown) => throwError(() => withoutFile(error))),
  );
  const loaded$ = defer(() => {
    onLoaded(id, name);
    return of(JSON.stringify({ stream: `${what}: ${name}\n` }));
  });
  const told$ = activity.track('load', name, events$).pipe(
    filter((event): event is PullEvent & LayerNews => event.kind === 'progress'),
    filter((event) => progress === 'told' && event.progress.phase === phases.downloading),
    map((event) => ({ ...event, progress: { ...event.progress, phase: 'Loading layer' } })),
    dockerLines(),
  );
  return concat(told$, loaded$);
}

/** The file is nobody's concern who has sent the archive. */
function withoutFile(error: unknown): unknown {
  if (!(error instanceof ArchiveError)) return error;
  const { message, file, hint = '' } = error;
  return new EngineRequestError(message.replace(` ${file}`, ''), hint, { cause: error });
}

function release(event: PullEvent | CopyEvent): void {
  if ('release' in event) event.release();
}
