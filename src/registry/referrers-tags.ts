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
import { discard } from './answers.js';
import type { FetchedManifest } from './client.js';
import { ReferrersTagError } from './content-errors.js';
import type { Endpoint } from './endpoints.js';
import { manifestRequest, type ManifestFetcher, type ReadManifest } from './fetch-manifest.js';
import { RegistryError } from './registry-error.js';
import type { Transport } from './transport.js';
import { isMissing } from './try-hosts.js';
import { writeManifest } from './write-manifest.js';

/** A manifest with a subject, as a list of the subject's referrers has it. */
export interface ReferrerEntry {
  readonly subject: Digest;
  readonly entry: Descriptor;
}

/** Where a list of referrers is. */
export interface ListPlace {
  readonly endpoint: Endpoint;
  readonly repository: Repository;
  readonly signal: AbortSignal;
}

/** How often a list is written anew that another client has overwritten meanwhile. */
const maxWrites = 4;

/** The tag under which clients list a manifest's referrers where the registry doesn't. */
export function referrersTag(subject: Digest): string {
  return `${digestAlgorithm(subject)}-${digestHex(subject).slice(0, 64)}`;
}

/** What goes on a list of referrers; `undefined` where there is no subject. */
export function referrerOf({ descriptor, bytes }: FetchedManifest): ReferrerEntry | undefined {
  const { mediaType, digest, size } = descriptor;
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

/** Another list in place of one; `undefined` where it can stay as it is. */
type Change = (entries: readonly Descriptor[]) => readonly Descriptor[] | undefined;

/**
 * Keeps the lists of referrers that registries don't keep (distribution spec, Referrers Tag
 * Schema). What others have put on a list stays there: a list is read, changed and read back, and
 * written only if it is still the same where the registry can tell (If-Match), as few can.
 */
export class ReferrersTags {
  readonly #transport: Transport;
  readonly #manifests: ManifestFetcher;
  /** The last change of each list: changes by this client come one after the other. */
  readonly #changes = new Map<string, Promise<void>>();

  constructor(transport: Transport, manifests: ManifestFetcher) {
    this.#transport = transport;
    this.#manifests = manifests;
  }

  /** Adds an entry, if it isn't there. @throws ReferrersTagError */
  add(place: ListPlace, { subject, entry }: ReferrerEntry): Promise<void> {
    return this.#inTurn(place, subject, (entries) =>
      entries.some(({ digest }) => digest === entry.digest) ? undefined : [...entries, entry],
    );
  }

  /** Removes an entry, if it is there. @throws ReferrersTagError */
  remove(place: ListPlace, { subject, entry }: ReferrerEntry): Promise<void> {
    return this.#inTurn(place, subject, (entries) => {
      const others = entries.filter(({ digest }) => digest !== entry.digest);
      return others.length === entries.length ? undefined : others;
    });
  }

  async #inTurn(place: ListPlace, subject: Digest, change: Change): Promise<void> {
    const { host, path } = place.repository;
    const list: Reference = { host, path, tag: referrersTag(subject) };
    const name = formatReference(list);
    const before = this.#changes.get(name) ?? Promise.resolve();
    const done = before.then(() => this.#change(place, list, change));
    const settled = done.catch(() => undefined);
    this.#changes.set(name, settled);
    try {
      await done;
    } finally {
      if (this.#changes.get(name) === settled) this.#changes.delete(name);
    }
  }

  async #change(place: ListPlace, list: Reference, change: Change): Promise<void> {
    const { endpoint, signal } = place;
    const gone = new Set<Digest>();
    for (let writes = 0; ; writes++) {
      const found = await this.#read(endpoint, list, signal);
      const entries = found === undefined ? [] : parseIndex(found.manifest.bytes).manifests;
      const kept = change(entries.filter(({ digest }) => !gone.has(digest)));
      if (kept === undefined) return;
      if (writes === maxWrites) throw problem(list, 'others overwrite it again and again');
      const manifest = listOf(kept, entries, found?.manifest);
      const write = { endpoint, reference: list, signal, replaces: found?.etag };
      try {
        await writeManifest(this.#transport, manifest, write);
      } catch (error) {
        const status = error instanceof RegistryError ? error.status : undefined;
        const before = gone.size;
        if (status === 400) await this.#findGone(place, kept, gone);
        // 412: somebody has changed the list since it was read. It is read again.
        if (status !== 412 && gone.size === before) throw error;
      }
    }
  }

  /** Some were deleted, perhaps by others who left them on the list, which is refused for that. */
  async #findGone(
    { endpoint, repository: { host, path }, signal }: ListPlace,
    entries: readonly Descriptor[],
    gone: Set<Digest>,
  ): Promise<void> {
    for (const { digest } of entries) {
      const request = manifestRequest('HEAD', { host, path, digest }, endpoint, signal);
      const answer = await this.#transport.send(request);
      await discard(answer);
      if (answer.status === 404) gone.add(digest);
    }
  }

  async #read(
    endpoint: Endpoint,
    list: Reference,
    signal: AbortSignal,
  ): Promise<ReadManifest | undefined> {
    try {
      const found = await this.#manifests.fetchFrom(endpoint, list, signal);
      const { mediaType } = found.manifest.descriptor;
      if (isIndexType(mediaType)) return found;
      throw problem(list, `its tag leads to a ${mediaType}`);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

/** The list with these entries, and with all else that is in it as it is. */
function listOf(
  entries: readonly Descriptor[],
  before: readonly Descriptor[],
  list: FetchedManifest | undefined,
): FetchedManifest {
  const mediaType = list?.descriptor.mediaType ?? mediaTypes.ociIndex;
  const empty = { schemaVersion: 2, mediaType, manifests: [] };
  const document: { readonly manifests: readonly unknown[] } =
    list === undefined ? empty : (JSON.parse(Buffer.from(list.bytes).toString()) as typeof empty);
  // As they stood there, with what we don't know of them.
  const manifests = entries.map((entry) => document.manifests[before.indexOf(entry)] ?? entry);
  const bytes = Buffer.from(JSON.stringify({ ...document, manifests }));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

function problem(list: Reference, what: string): ReferrersTagError {
  return new ReferrersTagError(what, { host: list.host, reference: formatReference(list) });
}
