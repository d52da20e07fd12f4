import { map, mergeMap, of, tap, type Observable } from 'rxjs';
import { fromAbortable, type LayerDownloadManager } from '../distribution/index.js';
import type { ImageDocument, ImageRecord, Store } from '../layer/index.js';
import { isDigestOf, isIndexType, parseIndex, parseReference, type Digest } from '../oci/index.js';
import type { RegistryClient } from '../registry/index.js';
import { copyAllToStore } from './copy-all-to-store.js';
import { copyToStore } from './copy-to-store.js';
import type { PullEvent, PullResultEvent } from './events.js';
import { RecordedImage } from './recorded-image.js';
import { RegistrySource } from './registry-image.js';
import { subjectOf } from './referrers-list.js';
import { maxIndexDepth } from './resolve-image.js';
import { imageRecord } from './store-image.js';

/** What {@link repairImage} works with. */
export interface RepairImageOptions {
  readonly store: Store;
  readonly registry: RegistryClient;
  readonly downloads: LayerDownloadManager;
  /** In full. */
  readonly reference: string;
}

/**
 * Pulls an image again that is in the store by its record: by digest, whatever its tag leads to by
 * now. What is there isn't fetched, so that a layer whose blob is whole needs no registry. A list of referrers is what the store has made of those that
 * were pulled; one that is lost is made again of what the registry has by now.
 */
export function repairImage(options: RepairImageOptions): Observable<PullEvent> {
  const { store, registry, downloads, reference } = options;
  return fromAbortable(async () => ({
    record: await imageRecord(store, reference),
    subject: await subjectOf(store, reference),
  })).pipe(
    mergeMap(({ record, subject }) => {
      const { host, path } = parseReference(reference);
      const copy$ = isIndexType(record.manifest.mediaType) ? copyAllToStore : copyToStore;
      // What is in the store has been allowed before.
      const foreign = 'fetch';
      const { manifest } = record;
      const { digest } = manifest;
      const source = new RecordedImage(
        new RegistrySource(registry, { host, path, digest }, foreign),
        { store, manifest, subject },
      );
      return copy$({ source, store, downloads, reference, platform: undefined, foreign }).pipe(
        mergeMap((event) =>
          event.kind === 'result' && record.resolved !== record.manifest.digest
            ? restoreIndexes(options, record, event)
            : of(event),
        ),
      );
    }),
  );
}

/** The name led to the manifest through an index, or several, which are the image's too. */
function restoreIndexes(
  { store, registry, reference }: RepairImageOptions,
  record: ImageRecord,
  event: PullResultEvent,
): Observable<PullEvent> {
  const { host, path } = parseReference(reference);
  const { resolved, manifest } = record;
  return fromAbortable(async (signal) => {
    const fetch = async (digest: Digest): Promise<ImageDocument> => {
      const stored = await store.blobs.read(digest);
      if (stored !== undefined && isDigestOf(digest, stored)) {
        return { digest, bytes: stored };
      }
      const { bytes } = await registry.manifest({ host, path, digest }, signal);
      return { digest, bytes };
    };
    await store.images.put(record, await indexesTo(manifest.digest, resolved, fetch));
  }).pipe(
    map(() => ({ ...event, image: { ...event.image, resolved } })),
    tap({ error: event.release, unsubscribe: event.release }),
  );
}

/** The indexes on the way to a manifest, outermost first; none when it isn't reached from there. */
async function indexesTo(
  wanted: Digest,
  from: Digest,
  fetch: (digest: Digest) => Promise<ImageDocument>,
  depth = maxIndexDepth,
): Promise<ImageDocument[]> {
  const index = await fetch(from);
  const { manifests } = parseIndex(index.bytes);
  if (manifests.some(({ digest }) => digest === wanted)) return [index];
  if (depth === 1) return [];
  for (const { digest } of manifests.filter(({ mediaType }) => isIndexType(mediaType))) {
    const inner = await indexesTo(wanted, digest, fetch, depth - 1);
    if (inner.length > 0) return [index, ...inner];
  }
  return [];
}
