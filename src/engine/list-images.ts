import { parseReference } from '../oci/index.js';
import { EngineRequestError } from './errors.js';
import { fits, matchesPattern, parseFilters, type Filters } from './filters.js';
import {
  createdAt,
  familiarName,
  imageSummary,
  labelsOf,
  repoTags,
  type ImageSummary,
} from './image-views.js';
import type { LayerSizes } from './layer-sizes.js';
import type { StoredImage, StoredImages } from './stored-images.js';

const known = ['reference', 'dangling', 'label', 'before', 'since'];

/** The answer to `GET /images/json`: the newest first. */
export async function listImages(
  images: StoredImages,
  sizes: LayerSizes,
  query: string | undefined,
): Promise<ImageSummary[]> {
  const filters = parseFilters(query, known);
  const [before, since] = [
    await border(images, filters, 'before'),
    await border(images, filters, 'since'),
  ];
  const summaries: ImageSummary[] = [];
  for (const image of await images.list()) {
    const created = Date.parse(createdAt(image));
    if (created >= (before ?? Infinity) || created <= (since ?? -Infinity)) continue;
    const chosen = withFittingNames(image, filters);
    if (chosen === undefined || !isWanted(image, filters)) continue;
    const size = (await sizes.of(image.chainIDs)).reduce((sum, bytes) => sum + bytes, 0);
    summaries.push(imageSummary(chosen, size));
  }
  return summaries.sort((a, b) => b.Created - a.Created);
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

/** Every image here has a name, so none dangles. */
function isWanted(image: StoredImage, filters: Filters): boolean {
  const [dangling] = filters.get('dangling') ?? [];
  if (dangling !== undefined && !/^(?:true|false|1|0)$/.test(dangling)) {
    throw new EngineRequestError("invalid filter 'dangling'", 'Its value is true or false.');
  }
  if (dangling === 'true' || dangling === '1') return false;
  const labels = labelsOf(image);
  return (filters.get('label') ?? []).every((wanted) => {
    const equals = wanted.indexOf('=');
    if (equals < 0) return Object.hasOwn(labels, wanted);
    return labels[wanted.slice(0, equals)] === wanted.slice(equals + 1);
  });
}

/** The image with those of its names alone that are asked for. */
function withFittingNames(image: StoredImage, filters: Filters): StoredImage | undefined {
  const records = image.records.filter((record) =>
    fits(filters, 'reference', (pattern) => {
      const reference = parseReference(record.reference);
      const familiar = familiarName(reference);
      const tags = repoTags({ ...image, records: [record] });
      const names = [familiar, `${reference.host}/${reference.path}`, record.reference, ...tags];
      return names.some((name) => matchesPattern(name, pattern));
    }),
  );
  return records.length === 0 ? undefined : { ...image, records };
}
