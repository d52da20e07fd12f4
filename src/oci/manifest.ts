import * as v from 'valibot';
import { RxferError } from '../transfer/index.js';
import type { Descriptor } from './descriptor.js';
import { isDigest, type DiffID, type Digest } from './digest.js';
import { isIndexType, isManifestType } from './media-type.js';
import type { Platform } from './platform.js';

/** An image manifest, OCI's or Docker schema 2's (OCI image spec, manifest.md). */
export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string | undefined;
  readonly artifactType?: string | undefined;
  readonly config: Descriptor;
  /** Bottom-up. */
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** An image index or Docker manifest list (OCI image spec, image-index.md). */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType?: string | undefined;
  readonly artifactType?: string | undefined;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** The part of an image's configuration that rxfer reads (OCI image spec, config.md). */
export interface ImageConfig {
  readonly platform: Platform;
  readonly rootFS: RootFS;
  /** The configuration whole, for display. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** The stack of an image's layers (OCI image spec, config.md, rootfs). */
export interface RootFS {
  /** Bottom-up. */
  readonly diffIDs: readonly DiffID[];
}

/** A manifest, index or configuration that can't be used as what it claims to be. */
export class InvalidManifestError extends RxferError {
  override readonly name = 'InvalidManifestError';

  constructor(what: string, problem: string, options: { digest?: string; cause?: unknown } = {}) {
    super('ERR_INVALID_MANIFEST', `The ${what} is not valid: ${problem}`, {
      ...options,
      hint: 'The image was published damaged or by a tool that breaks the specification; ask its publisher.',
    });
  }
}

const digest = v.custom<Digest>(
  (input) => typeof input === 'string' && isDigest(input),
  'not a sha256 or sha512 digest',
);
const annotations = v.optional(v.record(v.string(), v.string()));
const platform = v.object({
  os: v.string(),
  architecture: v.string(),
  variant: v.optional(v.string()),
  'os.version': v.optional(v.string()),
});
const descriptor = v.object({
  mediaType: v.pipe(v.string(), v.maxLength(255)),
  digest,
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  platform: v.optional(platform),
  artifactType: v.optional(v.string()),
  annotations,
  urls: v.optional(v.array(v.string())),
});
const maxEntries = 10_000;
const entries = v.pipe(v.array(descriptor), v.maxLength(maxEntries));
const manifest = v.object({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.string()),
  artifactType: v.optional(v.string()),
  config: descriptor,
  layers: entries,
  subject: v.optional(descriptor),
  annotations,
});
const index = v.object({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.string()),
  artifactType: v.optional(v.string()),
  manifests: entries,
  subject: v.optional(descriptor),
  annotations,
});
const config = v.object({
  os: v.string(),
  architecture: v.string(),
  variant: v.optional(v.string()),
  'os.version': v.optional(v.string()),
  rootfs: v.object({
    type: v.literal('layers'),
    diff_ids: v.pipe(v.array(digest), v.maxLength(maxEntries)),
  }),
});

/** @throws InvalidManifestError unless `bytes` are an image manifest that can be used. */
export function parseManifest(bytes: Uint8Array): ImageManifest {
  const json = parseJson('manifest', bytes);
  if ('manifests' in json)
    throw new InvalidManifestError('manifest', 'it holds the field of an index');
  return check('manifest', manifest, json) as ImageManifest;
}

/** @throws InvalidManifestError unless `bytes` are an index that can be used. */
export function parseIndex(bytes: Uint8Array): ImageIndex {
  const json = parseJson('index', bytes);
  if ('layers' in json || 'config' in json) {
    throw new InvalidManifestError('index', 'it holds the fields of a manifest');
  }
  return check('index', index, json) as ImageIndex;
}

/** @throws InvalidManifestError unless `bytes` are the configuration of an image. */
export function parseConfig(bytes: Uint8Array): ImageConfig {
  const raw = parseJson('image configuration', bytes);
  const { rootfs, ...rest } = check('image configuration', config, raw);
  return {
    platform: defined(rest) as unknown as Platform,
    rootFS: { diffIDs: rootfs.diff_ids as string[] as DiffID[] },
    raw,
  };
}

/**
 * The media type of a manifest whose transport stated none, or `stated` when the two agree.
 *
 * @throws InvalidManifestError when the document itself states another.
 */
export function manifestMediaType(bytes: Uint8Array, stated: string | undefined): string {
  const json = parseJson('manifest', bytes);
  const inner = typeof json['mediaType'] === 'string' ? json['mediaType'] : undefined;
  const known = stated !== undefined && (isIndexType(stated) || isManifestType(stated));
  if (known && inner !== undefined && inner !== stated) {
    throw new InvalidManifestError(
      'manifest',
      `it was sent as '${stated}' and calls itself '${inner}'`,
    );
  }
  const mediaType = known ? stated : inner;
  if (mediaType !== undefined) return mediaType;
  const shape = 'manifests' in json ? 'index' : 'manifest';
  return `application/vnd.oci.image.${shape}.v1+json`;
}

function parseJson(what: string, bytes: Uint8Array): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // Its own error shows some of the text, which may be an echo of what a server was shown.
    throw new InvalidManifestError(what, 'it is not JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new InvalidManifestError(what, 'it is not a JSON object');
  }
  return json as Record<string, unknown>;
}

function check<TSchema extends v.GenericSchema>(
  what: string,
  schema: TSchema,
  json: unknown,
): v.InferOutput<TSchema> {
  const outcome = v.safeParse(schema, json, { abortEarly: true });
  if (outcome.success) return outcome.output;
  const [issue] = outcome.issues;
  throw new InvalidManifestError(what, `${v.getDotPath(issue) ?? 'document'}: ${issue.message}`);
}

function defined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
