import { createHash } from 'node:crypto';
import * as path from 'node:path';
import * as v from 'valibot';
import {
  digestOf,
  finishDigest,
  formatReference,
  mediaTypes,
  parseConfig,
  parseReference,
  type BlobBody,
  type BlobRequest,
  type Descriptor,
  type Digest,
  type DiffID,
  type Reference,
} from '../oci/index.js';
import type { FetchedManifest } from '../registry/index.js';
import { ArchiveError, ImageNotFoundError } from './errors.js';
import type { ImageSource } from './seams.js';
import { TarArchive } from './tar-archive.js';

/** An image of a `docker save` archive, as its manifest.json describes it. */
interface SavedImage {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null | undefined;
  readonly Layers: readonly string[];
}

const savedImages = v.array(
  v.object({
    Config: v.string(),
    RepoTags: v.nullish(v.array(v.string())),
    Layers: v.pipe(v.array(v.string()), v.maxLength(10_000)),
  }),
);

/** Which image of an archive is meant; without either, the only one. */
export interface ChosenImage {
  readonly reference: Reference | undefined;
  /** Its place, from 0. */
  readonly index: number | undefined;
}

/** An archive that is open, with the image chosen and a manifest made for it. */
interface Opened {
  readonly archive: TarArchive;
  readonly manifest: FetchedManifest;
  /** The names of its configuration and layers in the archive. */
  readonly names: ReadonlyMap<Digest, string>;
}

/**
 * An image in an archive of `docker save`, to be read. Such archives have no manifest of the kind
 * that registries have: one of Docker's schema 2 is made, always the same for the same archive.
 * Layers are uncompressed tars, whose digests are their diffIDs.
 */
export class DockerArchiveSource implements ImageSource {
  readonly #file: string;
  readonly #chosen: ChosenImage;
  readonly repository = undefined;
  #opened: Promise<Opened> | undefined;

  constructor(file: string, chosen: ChosenImage) {
    this.#file = path.resolve(file);
    this.#chosen = chosen;
  }

  get name(): string {
    const chosen = this.#chosenName();
    return `docker-archive:${this.#file}${chosen === undefined ? '' : `:${chosen}`}`;
  }

  async root(signal: AbortSignal): Promise<FetchedManifest> {
    return (await this.#open(signal)).manifest;
  }

  async manifest(_descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    return (await this.root(signal)).bytes;
  }

  /** Nothing there refers to anything. */
  referrers(): Promise<readonly Descriptor[]> {
    return Promise.resolve([]);
  }

  async blob({ digest }: Descriptor, { offset, signal }: BlobRequest): Promise<BlobBody> {
    const { archive, names } = await this.#open(signal);
    const stream = archive.stream(names.get(digest) ?? '', offset, signal);
    if (stream === undefined)
      throw new ArchiveError(this.#file, `it lacks the blob ${digest}`, { digest });
    return { stream, offset, resumable: true };
  }

  #open(signal: AbortSignal): Promise<Opened> {
    this.#opened ??= this.#read(signal).catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #read(signal: AbortSignal): Promise<Opened> {
    const archive = await TarArchive.open(this.#file, signal);
    const saved = this.#choose(await readSaved(archive, signal));
    const bytes = await readConfig(archive, saved.Config, signal);
    const { diffIDs } = parseConfig(bytes).rootFS;
    if (diffIDs.length !== saved.Layers.length) {
      const counts = `${saved.Layers.length} layers and ${diffIDs.length} diffIDs`;
      throw new ArchiveError(this.#file, `its manifest and configuration disagree: ${counts}`);
    }
    const config = {
      mediaType: mediaTypes.dockerConfig,
      digest: digestOf(bytes),
      size: bytes.length,
    };
    const names = new Map([[config.digest, saved.Config]]);
    const layers: Descriptor[] = [];
    for (const [index, name] of saved.Layers.entries()) {
      const layer = await describeLayer(archive, name, diffIDs[index], signal);
      names.set(layer.digest, name);
      layers.push(layer);
    }
    return { archive, manifest: manifestOf(config, layers), names };
  }

  #choose(images: readonly SavedImage[]): SavedImage {
    const { reference, index } = this.#chosen;
    const found = images.filter(
      ({ RepoTags }, place) =>
        (index === undefined || place === index) &&
        (reference === undefined || RepoTags?.some((tag) => isSame(tag, reference))),
    );
    const [image] = found;
    if (image !== undefined && found.length === 1) return image;
    const held = images.flatMap(({ RepoTags }, place) =>
      RepoTags?.length ? RepoTags : [`@${place}, without a name`],
    );
    throw new ImageNotFoundError(
      this.#chosenName() ?? 'without a reference',
      this.#file,
      `It holds: ${held.join(', ') || 'none'}.`,
    );
  }

  #chosenName(): string | undefined {
    const { reference, index } = this.#chosen;
    if (index !== undefined) return `@${index}`;
    return reference === undefined ? undefined : formatReference(reference);
  }
}

/** An image in an archive of `docker save`. */
export interface ArchivedImage {
  /** The digest of its configuration. */
  readonly id: Digest;
  /** Its names in full; there may be none. */
  readonly references: readonly string[];
}

/**
 * The images in an archive of `docker save`, each at its place.
 *
 * @throws ArchiveError when it is none, or lacks a configuration.
 */
export async function archivedImages(file: string, signal: AbortSignal): Promise<ArchivedImage[]> {
  const archive = await TarArchive.open(file, signal);
  const images: ArchivedImage[] = [];
  for (const { Config, RepoTags } of await readSaved(archive, signal)) {
    const id = digestOf(await readConfig(archive, Config, signal));
    const references = (RepoTags ?? []).map((tag) => formatReference(parseReference(tag)));
    images.push({ id, references });
  }
  return images;
}

async function readConfig(archive: TarArchive, name: string, signal: AbortSignal): Promise<Buffer> {
  const bytes = await archive.read(name, signal);
  if (bytes === undefined) throw new ArchiveError(archive.file, `it lacks ${name}`);
  return bytes;
}

async function readSaved(archive: TarArchive, signal: AbortSignal): Promise<readonly SavedImage[]> {
  const bytes = await archive.read('manifest.json', signal);
  if (bytes === undefined) {
    throw new ArchiveError(
      archive.file,
      'it has no manifest.json, so docker save did not write it',
    );
  }
  const outcome = v.safeParse(v.pipe(v.string(), v.parseJson(), savedImages), bytes.toString());
  if (outcome.success) return outcome.output;
  throw new ArchiveError(archive.file, 'its manifest.json is malformed');
}

/** Layers of Docker's newer versions may be compressed: their digests are in no document. */
async function describeLayer(
  archive: TarArchive,
  name: string,
  diffID: DiffID | undefined,
  signal: AbortSignal,
): Promise<Descriptor> {
  const size = archive.size(name);
  if (size === undefined || diffID === undefined) {
    throw new ArchiveError(archive.file, `it lacks ${name}`);
  }
  const stream = archive.stream(name, 0, signal);
  const hash = createHash('sha256');
  let isFirst = true;
  for await (const chunk of (stream ?? []) as AsyncIterable<Buffer>) {
    const isGzip = chunk[0] === 0x1f && chunk[1] === 0x8b;
    if (isFirst && !isGzip) {
      return { mediaType: mediaTypes.dockerLayer, digest: diffID as string as Digest, size };
    }
    isFirst = false;
    hash.update(chunk);
  }
  if (isFirst)
    return { mediaType: mediaTypes.dockerLayer, digest: diffID as string as Digest, size };
  return { mediaType: mediaTypes.dockerLayerGzip, digest: finishDigest(hash, 'sha256'), size };
}

function manifestOf(config: Descriptor, layers: readonly Descriptor[]): FetchedManifest {
  const mediaType = mediaTypes.dockerManifest;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

function isSame(tag: string, wanted: Reference): boolean {
  try {
    return formatReference(parseReference(tag)) === formatReference(wanted);
  } catch {
    return false;
  }
}
