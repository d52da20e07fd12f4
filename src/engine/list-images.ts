import { parseReference } from '../oci/index.js';
import type { PruneTest } from './change-images.js';
import { EngineRequestError } from './errors.js';
import { fits, matchesPattern, parseFilters, type Filters } from './filters.js';
import { isUnnamed } from './image-names.js';
import {
  createdAt,
  familiarName,
  imageSummary,
  labelsOf,
  repoTags,
  type ImageSummary,
} from './image-views.js';
import type { LayerSizes } from './layer-sizes.js';
import { parseMoment } from './moments.js';
import type { StoredImage, StoredImages } from './stored-images.js';

const listed = ['reference', 'dangling', 'label', 'before', 'since', 'until'];
const pruned = ['dangling', 'label', 'label!', 'until'];

/** What {@link listImages} is asked. */
export interface ListQuery {
  readonly filters?: string | undefined;
  /** Whether how many bytes an image shares with others is found out. */
  readonly sharedSize: boolean;
  /** In ms since 1970. */
  readonly now: number;
}

/** The answer to `GET /images/json`: the newest first. */
export async function listImages(
  images: StoredImages,
  sizes: LayerSizes,
  { filters: query, sharedSize, now }: ListQuery,
): Promise<ImageSummary[]> {
  const filters = parseFilters(query, listed);
  const [before, since] = [
    await border(images, filters, 'before'),
    await border(images, filters, 'since'),
  ];
  const isWanted = filterTest(filters, now);
  const all = await images.list();
  const shared = sharedSize ? await sizes.shared(all.map(({ chainIDs }) => chainIDs)) : [];
  const summaries: ImageSummary[] = [];
  for (const [index, image] of all.entries()) {
    const created = Date.parse(createdAt(image));
    if (created >= (before ?? Infinity) || created <= (since ?? -Infinity)) continue;
    const chosen = withFittingNames(image, filters);
    if (chosen === undefined || !isWanted(image)) continue;
    const size = await sizes.sum(image.chainIDs);
    summaries.push(imageSummary(chosen, size, shared[index]));
  }
  return newestFirst(summaries);
}

/** What the images of a store take (Engine API, SystemDataUsageResponse). */
export interface ImagesUsage {
  /** Bytes of their layers, each counted once. */
  readonly LayersSize: number;
  /** The newest first, with what each shares with others. */
  readonly Images: readonly ImageSummary[];
}

/** The part of the answer to `GET /system/df` that is about images. */
export async function imagesUsage(images: StoredImages, sizes: LayerSizes): Promise<ImagesUsage> {
  const all = await images.list();
  const chainIDs = all.map((image) => image.chainIDs);
  const shared = await sizes.shared(chainIDs);
  const summaries: ImageSummary[] = [];
  for (const [index, image] of all.entries()) {
    summaries.push(imageSummary(image, await sizes.sum(image.chainIDs), shared[index]));
  }
  const LayersSize = await sizes.sum([...new Set(chainIDs.flat())]);
  return { LayersSize, Images: newestFirst(summaries) };
}

function newestFirst(summaries: readonly ImageSummary[]): ImageSummary[] {
  return [...summaries].sort((a, b) => b.Created - a.Created);
}

/**
 * Which images `POST /images/prune` means: those without a tag, unless it says otherwise.
 *
 * @throws EngineRequestError
 */
export function pruneTest(query: string | undefined, now: number): PruneTest {
  const filters = parseFilters(query, pruned);
  const all = isTrue(filters, 'dangling') === false;
  return filterTest(new Map([...filters, ['dangling', [String(!all)]]]), now);
}

/** The time of the image that a filter names. */
async function border(
  images: StoredImages,
  filters: Filters,
  name: string,
): Promise<number | undefined> {
  const [value] = filters.get(name) ?? [];
  return value === undefined ? undefined : Date.parse(createdAt((await images.find(value)).image));
}

/** The filters that look at one image alone. @throws EngineRequestError */
function filterTest(filters: Filters, now: number): PruneTest {
  const wantsDangling = isTrue(filters, 'dangling') === true;
  const until = Math.min(
    ...(filters.get('until') ?? []).map((text) => parseMoment(text, now)),
    Infinity,
  );
  return (image) => {
    if (wantsDangling && repoTags(image).length > 0) return false;
    if (Date.parse(createdAt(image)) >= until) return false;
    const labels = labelsOf(image);
    return (
      (filters.get('label') ?? []).every((wanted) => hasLabel(labels, wanted)) &&
      !(filters.get('label!') ?? []).some((unwanted) => hasLabel(labels, unwanted))
    );
  };
}

function isTrue(filters: Filters, name: string): boolean | undefined {
  const [value] = filters.get(name) ?? [];
  if (value === undefined) return undefined;
  if (/^(?:true|1)$/.test(value)) return true;
  if (/^(?:false|0)$/.test(value)) return false;
  throw new EngineRequestError(`invalid filter '${name}'`, 'Its value is true or false.');
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return Object.hasOwn(labels, wanted);
  const name = wanted.slice(0, equals);
  return Object.hasOwn(labels, name) && labels[name] === wanted.slice(equals + 1);
}

/** The image with those of its names alone that are asked for. */
function withFittingNames(image: StoredImage, filters: Filters): StoredImage | undefined {
  const records = image.records.filter((record) =>
    fits(filters, 'reference', (pattern) => {
      if (isUnnamed(record)) return false;
      const reference = parseReference(record.reference);
      const familiar = familiarName(reference);
      const tags = repoTags({ ...image, records: [record] });
      const names = [familiar, `${reference.host}/${reference.path}`, record.reference, ...tags];
      return names.some((name) => matchesPattern(name, pattern));
    }),
  );
  return records.length === 0 ? undefined : { ...image, records };
}
