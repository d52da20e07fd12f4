import {
  digestAlgorithm,
  digestHex,
  digestOf,
  formatReference,
  isIndexType,
  mediaTypes,
  parseIndex,
  parseManifest,
  type Descriptor,
  type Digest,
  type Reference,
  type Repository,
} from '../oci/index.js';
import type { FetchedManifest } from './client.js';
import { ReferrersTagError } from './content-errors.js';
import type { Endpoint } from './endpoints.js';
import { isMissing } from './try-hosts.js';

/** A manifest with a subject, as a list of the subject's referrers has it. */
export interface ReferrerEntry {
  readonly subject: Digest;
  readonly entry: Descriptor;
}

/** How manifests are read, from one host, and written. */
export interface ManifestAccess {
  get(endpoint: Endpoint, reference: Reference, signal: AbortSignal): Promise<FetchedManifest>;
  put(reference: Reference, manifest: FetchedManifest, signal: AbortSignal): Promise<void>;
}

/** How often a list is written anew that another client has overwritten meanwhile. */
const maxWrites = 4;

/** The tag under which clients list a manifest's referrers where the registry doesn't. */
export function referrersTag(subject: Digest): string {
  return `${digestAlgorithm(subject)}-${digestHex(subject).slice(0, 64)}`;
}

/** What goes on a list of referrers; `undefined` where there is no subject. */
export function referrerOf(
  { mediaType, digest, size }: Descriptor,
  bytes: Uint8Array,
): ReferrerEntry | undefined {
  const document = isIndexType(mediaType) ? parseIndex(bytes) : parseManifest(bytes);
  const { subject, annotations } = document;
  if (subject === undefined) return undefined;
  const config = 'config' in document ? document.config.mediaType : undefined;
  const artifactType = document.artifactType ?? config;
  return {
    subject: subject.digest,
    entry: {
      mediaType,
      digest,
      size,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    },
  };
}

/**
 * Keeps the lists of referrers that registries don't keep (distribution spec, Referrers Tag
 * Schema). What others have put on a list stays there: a list is read, added to and read back,
 * since registries have no way to write it only if it is still the same.
 */
export class ReferrersTags {
  readonly #access: ManifestAccess;
  /** The last change of each list: changes by this client come one after the other. */
  readonly #changes = new Map<string, Promise<void>>();

  constructor(access: ManifestAccess) {
    this.#access = access;
  }

  /** Adds an entry, if it isn't there. @throws ReferrersTagError */
  async add(
    endpoint: Endpoint,
    { host, path }: Repository,
    referrer: ReferrerEntry,
    signal: AbortSignal,
  ): Promise<void> {
    const list: Reference = { host, path, tag: referrersTag(referrer.subject) };
    const name = formatReference(list);
    const before = this.#changes.get(name) ?? Promise.resolve();
    const change = before.then(() => this.#add(endpoint, list, referrer.entry, signal));
    const settled = change.catch(() => undefined);
    this.#changes.set(name, settled);
    try {
      await change;
    } finally {
      if (this.#changes.get(name) === settled) this.#changes.delete(name);
    }
  }

  async #add(
    endpoint: Endpoint,
    list: Reference,
    entry: Descriptor,
    signal: AbortSignal,
  ): Promise<void> {
    for (let writes = 0; ; writes++) {
      const found = await this.#read(endpoint, list, signal);
      const entries = found === undefined ? [] : parseIndex(found.bytes).manifests;
      if (entries.some(({ digest }) => digest === entry.digest)) return;
      if (writes === maxWrites) throw problem(list, 'others overwrite it again and again');
      await this.#access.put(list, withEntry(found, entry), signal);
    }
  }

  async #read(
    endpoint: Endpoint,
    list: Reference,
    signal: AbortSignal,
  ): Promise<FetchedManifest | undefined> {
    try {
      const found = await this.#access.get(endpoint, list, signal);
      const { mediaType } = found.descriptor;
      if (isIndexType(mediaType)) return found;
      throw problem(list, `its tag leads to a ${mediaType}`);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

/** The list with one more entry, and with all else that is in it as it is. */
function withEntry(list: FetchedManifest | undefined, entry: Descriptor): FetchedManifest {
  const mediaType = list?.descriptor.mediaType ?? mediaTypes.ociIndex;
  const empty = { schemaVersion: 2, mediaType, manifests: [] };
  const document =
    list === undefined ? empty : (JSON.parse(Buffer.from(list.bytes).toString()) as typeof empty);
  const manifests = [...document.manifests, entry];
  const bytes = Buffer.from(JSON.stringify({ ...document, manifests }));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

function problem(list: Reference, what: string): ReferrersTagError {
  return new ReferrersTagError(what, { host: list.host, reference: formatReference(list) });
}
