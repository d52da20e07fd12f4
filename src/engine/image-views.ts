import {
  digestHex,
  familiarReference,
  formatReference,
  parseReference,
  type Digest,
  type Reference,
} from '../oci/index.js';
import { isUnnamed } from './image-names.js';
import type { StoredImage } from './stored-images.js';

/** An entry of the answer to `GET /images/json` (Engine API, ImageSummary). */
export interface ImageSummary {
  readonly Id: Digest;
  readonly ParentId: '';
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  /** Seconds since 1970. */
  readonly Created: number;
  /** Bytes, unpacked. */
  readonly Size: number;
  readonly VirtualSize: number;
  /** Bytes that other images have too; -1 where nobody asked. */
  readonly SharedSize: number;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Containers: -1;
}

/**
 * @param size bytes of its layers, unpacked.
 * @param shared bytes of those of its layers that other images have too.
 */
export function imageSummary(image: StoredImage, size: number, shared = -1): ImageSummary {
  return {
    Id: image.id,
    ParentId: '',
    RepoTags: repoTags(image),
    RepoDigests: repoDigests(image),
    Created: Math.floor(Date.parse(createdAt(image)) / 1000),
    Size: size,
    VirtualSize: size,
    SharedSize: shared,
    Labels: labelsOf(image),
    Containers: -1,
  };
}

/** The answer to `GET /images/{name}/json` (Engine API, ImageInspect). */
export function imageInspection(image: StoredImage, size: number): object {
  const { config, records, manifest } = image;
  const { raw, platform, rootFS } = config;
  const created = records.map((record) => record.created).sort();
  return {
    Id: image.id,
    RepoTags: repoTags(image),
    RepoDigests: repoDigests(image),
    Parent: '',
    Comment: '',
    Created: createdAt(image),
    DockerVersion: '',
    Author: typeof raw['author'] === 'string' ? raw['author'] : '',
    Config: raw['config'] ?? {},
    Architecture: platform.architecture,
    ...(platform.variant === undefined ? {} : { Variant: platform.variant }),
    Os: platform.os,
    Size: size,
    VirtualSize: size,
    GraphDriver: { Name: 'rxfer', Data: null },
    RootFS: { Type: 'layers', Layers: rootFS.diffIDs },
    Metadata: { LastTagTime: created.at(-1) },
    Descriptor: manifest,
  };
}

/**
 * The answer to `GET /images/{name}/history`: the newest step first.
 *
 * @param sizes bytes of its layers, bottom-up.
 */
export function imageHistory(image: StoredImage, sizes: readonly number[]): object[] {
  const stated = image.config.raw['history'];
  const steps = Array.isArray(stated)
    ? (stated as Record<string, unknown>[])
    : sizes.map((): Record<string, unknown> => ({}));
  let layer = 0;
  const entries = steps.map((step) => ({
    Id: '<missing>',
    Created: Math.floor(Date.parse(timeOf(step['created'])) / 1000),
    CreatedBy: textOf(step['created_by']),
    Tags: null as readonly string[] | null,
    Size: step['empty_layer'] === true ? 0 : (sizes[layer++] ?? 0),
    Comment: textOf(step['comment']),
  }));
  const [top, ...below] = entries.reverse();
  if (top === undefined) return [];
  return [{ ...top, Id: image.id, Tags: repoTags(image) }, ...below];
}

/** The names of an image with a tag, as people write them. */
export function repoTags({ records }: StoredImage): string[] {
  return records
    .filter((record) => !isUnnamed(record))
    .map(({ reference }) => parseReference(reference))
    .filter(({ digest }) => digest === undefined)
    .map(familiarReference);
}

/** The labels of its configuration. */
export function labelsOf({ config }: StoredImage): Record<string, string> {
  const own = config.raw['config'] as { Labels?: unknown } | null | undefined;
  const labels = own?.Labels;
  if (typeof labels !== 'object' || labels === null) return {};
  return Object.fromEntries(
    Object.entries(labels).filter(([, value]) => typeof value === 'string'),
  );
}

/** When it was made, ISO 8601; the beginning of 1970 where it doesn't say. */
export function createdAt({ config }: StoredImage): string {
  return timeOf(config.raw['created']);
}

/** The name without tag and digest, as people write it. */
export function familiarName({ host, path }: Reference): string {
  return familiarReference({ host, path });
}

/** What people and programs may have called the image by its names. */
export function isCalled(image: StoredImage, name: string): boolean {
  if (digestHex(image.id).startsWith(name.replace(/^sha256:/, ''))) return true;
  return image.records.some(({ reference }) => reference === formatted(name));
}

function repoDigests({ records }: StoredImage): string[] {
  const digests = records
    .filter((record) => !isUnnamed(record))
    .map(({ reference, resolved }) => `${familiarName(parseReference(reference))}@${resolved}`);
  return [...new Set(digests)];
}

function formatted(name: string): string | undefined {
  try {
    return formatReference(parseReference(name));
  } catch {
    return undefined;
  }
}

function timeOf(value: unknown): string {
  const isTime = typeof value === 'string' && !Number.isNaN(Date.parse(value));
  return isTime ? value : '1970-01-01T00:00:00Z';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
