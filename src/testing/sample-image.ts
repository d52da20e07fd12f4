import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import * as tar from 'tar-stream';
import {
  digestOf,
  mediaTypes,
  type Descriptor,
  type DiffID,
  type Digest,
  type Platform,
} from '../oci/index.js';

/** One entry of a sample layer. */
export interface SampleEntry {
  readonly name: string;
  /** Default `file`, or `directory` when the name ends in a slash. */
  readonly type?: tar.Header['type'];
  readonly content?: string | Uint8Array;
  /** Bytes of content made from the name, always the same, which compress badly. */
  readonly size?: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Default the beginning of 2024. */
  readonly mtime?: Date;
  readonly linkname?: string;
  readonly devmajor?: number;
  readonly devminor?: number;
}

/** How a sample image is made. */
export interface SampleImageOptions {
  /** The entries of each layer, bottom-up. */
  readonly layers: readonly (readonly SampleEntry[])[];
  /** Default `linux/amd64`. */
  readonly platform?: Platform;
  /** Whose media types: OCI's or Docker schema 2's. Default `oci`. */
  readonly mediaTypes?: 'oci' | 'docker';
  /** Default `gzip`. */
  readonly compression?: 'gzip' | 'none';
}

/** A manifest or index with all that it points at, in memory. */
export interface SampleImage {
  /** What names it. */
  readonly descriptor: Descriptor;
  /** The layers, bottom-up; none for an index. */
  readonly layers: readonly Descriptor[];
  readonly diffIDs: readonly DiffID[];
  /** Manifests and indexes by digest, with the media type that a registry serves them under. */
  readonly manifests: ReadonlyMap<Digest, { readonly mediaType: string; readonly bytes: Buffer }>;
  /** Configurations and layers by digest. */
  readonly blobs: ReadonlyMap<Digest, Buffer>;
}

/** Makes an image in memory. The same options always make the same digests. */
export async function sampleImage(options: SampleImageOptions): Promise<SampleImage> {
  const { platform = { os: 'linux', architecture: 'amd64' }, compression = 'gzip' } = options;
  const types = options.mediaTypes === 'docker' ? dockerTypes : ociTypes;
  const blobs = new Map<Digest, Buffer>();
  const keep = (mediaType: string, bytes: Buffer): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const diffIDs: DiffID[] = [];
  const layers: Descriptor[] = [];
  for (const entries of options.layers) {
    const archive = await packLayer(entries);
    diffIDs.push(digestOf(archive) as string as DiffID);
    const bytes = compression === 'gzip' ? gzipSync(archive, { level: 1 }) : archive;
    layers.push(keep(types[compression], bytes));
  }
  const config = keep(
    types.config,
    json({ ...platform, config: {}, rootfs: { type: 'layers', diff_ids: diffIDs } }),
  );
  const bytes = json({ schemaVersion: 2, mediaType: types.manifest, config, layers });
  const descriptor = {
    mediaType: types.manifest,
    digest: digestOf(bytes),
    size: bytes.length,
    platform,
  };
  const manifests = new Map([[descriptor.digest, { mediaType: types.manifest, bytes }]]);
  return { descriptor, layers, diffIDs, manifests, blobs };
}

/** Puts images of several platforms into one index, or a Docker manifest list. */
export function sampleIndex(
  images: readonly SampleImage[],
  options: { readonly mediaTypes?: 'oci' | 'docker' } = {},
): SampleImage {
  const mediaType =
    options.mediaTypes === 'docker' ? mediaTypes.dockerManifestList : mediaTypes.ociIndex;
  const manifests = images.map(({ descriptor }) => descriptor);
  const bytes = json({ schemaVersion: 2, mediaType, manifests });
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  return {
    descriptor,
    layers: [],
    diffIDs: [],
    manifests: new Map([
      ...images.flatMap((image) => [...image.manifests]),
      [descriptor.digest, { mediaType, bytes }],
    ]),
    blobs: new Map(images.flatMap((image) => [...image.blobs])),
  };
}

/** Packs entries into a tar. */
export async function packLayer(entries: readonly SampleEntry[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const entry of entries) {
    const { name, content, size, ...header } = entry;
    const type = entry.type ?? (name.endsWith('/') ? 'directory' : 'file');
    const bytes = content === undefined ? seededBytes(name, size ?? 0) : Buffer.from(content);
    const mtime = new Date('2024-01-01T00:00:00Z');
    const withDefaults = { mode: type === 'directory' ? 0o755 : 0o644, mtime, ...header };
    if (type === 'file') pack.entry({ ...withDefaults, type, name }, bytes);
    else pack.entry({ ...withDefaults, type, name, size: 0 });
  }
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const ociTypes = {
  manifest: mediaTypes.ociManifest,
  config: mediaTypes.ociConfig,
  gzip: mediaTypes.ociLayerGzip,
  none: mediaTypes.ociLayer,
};
const dockerTypes = {
  manifest: mediaTypes.dockerManifest,
  config: mediaTypes.dockerConfig,
  gzip: mediaTypes.dockerLayerGzip,
  none: mediaTypes.dockerLayer,
};

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function seededBytes(seed: string, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let offset = 0, block = 0; offset < size; offset += 64, block++) {
    createHash('sha512').update(`${seed} ${block}`).digest().copy(bytes, offset);
  }
  return bytes;
}
