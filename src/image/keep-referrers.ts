import {
  concatMap,
  map,
  mergeMap,
  of,
  takeWhile,
  type MonoTypeOperatorFunction,
  type Observable,
} from 'rxjs';
import { fromAbortable } from '../distribution/index.js';
import { parseReference, type Digest } from '../oci/index.js';
import { documentsOf } from './cargo.js';
import { downloadDescriptor, type CopyToStoreOptions } from './copy-to-store.js';
import type { PullEvent, PullResultEvent } from './events.js';
import { handOver } from './hand-over.js';
import { configsOf, layersOf, unique } from './image-tree.js';
import { readReferrers, toldReferrers, type ReferrerTree } from './referrers.js';
import { listOf, referrersName } from './referrers-list.js';
import { StoredDocuments } from './stored-documents.js';

/**
 * Keeps in a store what refers to an image that has come there, before its result is heard. For
 * each manifest that something refers to there is a list, under the name in the image's repository
 * that stands for such lists (distribution spec, Referrers Tag Schema), so that `gc` keeps them as
 * long as that name is there. A list that is there already is replaced by what the source has.
 */
export function keepReferrers(options: CopyToStoreOptions): MonoTypeOperatorFunction<PullEvent> {
  return (pull$) =>
    pull$.pipe(
      concatMap((event) => (event.kind === 'result' ? keepFor(options, event) : of(event))),
    );
}

function keepFor(options: CopyToStoreOptions, pulled: PullResultEvent): Observable<PullEvent> {
  const { source, store, downloads, foreign } = options;
  const { image, bytes, release } = pulled;
  const images = image.images ?? [];
  const subjects = [image.manifest.digest, ...images.map(({ manifest }) => manifest.digest)];
  const documents = new StoredDocuments(source, store.blobs);
  return fromAbortable((signal) => readReferrers(documents, subjects, foreign, signal)).pipe(
    mergeMap((trees) => {
      const each = trees.flatMap(({ tree }) => [...layersOf(tree), ...configsOf(tree)]);
      const blobs = unique(each).map((blob) => downloadDescriptor(source, blob));
      return downloads.keep(store.blobs, blobs).pipe(
        mergeMap((event): Observable<PullEvent> => {
          if (event.kind !== 'result') return of(event);
          const told = { ...image, referrers: toldReferrers(trees) };
          const result = { ...pulled, image: told, bytes: bytes + event.bytes };
          // The blobs are held until the result, and by the records from then on.
          return record(options, subjects, trees).pipe(map(() => result));
        }),
      );
    }),
    takeWhile((event) => event.kind !== 'result', true),
    handOver(release),
  );
}

function record(
  { store, reference }: CopyToStoreOptions,
  subjects: readonly Digest[],
  trees: readonly ReferrerTree[],
): Observable<void> {
  return fromAbortable(async (signal) => {
    const repository = parseReference(reference);
    const bySubject = new Map<Digest, ReferrerTree[]>();
    for (const subject of subjects) bySubject.set(subject, []);
    for (const tree of trees) {
      bySubject.set(tree.subject, [...(bySubject.get(tree.subject) ?? []), tree]);
    }
    for (const [subject, referrers] of bySubject) {
      signal.throwIfAborted();
      const name = referrersName(repository, subject);
      if (referrers.length === 0) {
        await store.images.delete(name);
        continue;
      }
      const { descriptor: manifest, bytes } = listOf(referrers.map(({ entry }) => entry));
      await store.images.put(
        {
          reference: name,
          manifest,
          resolved: manifest.digest,
          created: new Date().toISOString(),
        },
        [...referrers.flatMap(({ tree }) => documentsOf(tree)), { digest: manifest.digest, bytes }],
      );
    }
  });
}
