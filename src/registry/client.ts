import type { Readable } from 'node:stream';
import type {
  BlobBody,
  BlobRequest,
  Descriptor,
  Digest,
  Reference,
  Repository,
} from '../oci/index.js';
import type { UploadSession } from './upload-session.js';

/** A manifest or index as the registry sent it, verified against its digest. */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  /** The exact bytes; their digest is the descriptor's. */
  readonly bytes: Uint8Array;
}

/** What identifies a user to a registry. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token, exchanged for access tokens. */
  | { readonly kind: 'identity'; readonly token: string }
  /** A ready bearer token. */
  | { readonly kind: 'bearer'; readonly token: string };

/**
 * Looks up the credential for a host (`name[:port]`) and, where it matters, a repository there
 * (its path); `undefined` goes on anonymously. Asked once the host refuses what is anonymous.
 */
export type CredentialProvider = (
  host: string,
  repository?: string,
) => Promise<Credential | undefined>;

/** Turns a reference into the descriptor it stands for now (containerd's Resolver). */
export interface Resolver {
  /** Asks for the descriptor, without the content. @throws RxferError, ERR_NOT_FOUND where there is none. */
  resolve(reference: Reference, signal: AbortSignal): Promise<Descriptor>;
}

/** What to read of a blob, and where else it may be. */
export interface RegistryBlobRequest extends BlobRequest {
  /**
   * Addresses outside the registry, such as the `urls` of a foreign layer's descriptor, that are
   * asked in their order where the registry's hosts fail: by HTTP or HTTPS alone, 16 at most, and
   * without credentials. Default: none, since whoever made the image chose them.
   */
  readonly urls?: readonly string[] | undefined;
}

/** Reads from a registry (containerd's Fetcher). */
export interface Fetcher {
  /** The manifest or index that a tag or digest names; at most 4 MiB, digest verified. */
  manifest(reference: Reference, signal: AbortSignal): Promise<FetchedManifest>;
  /**
   * The bytes of a blob from an offset. Not verified here: the ingest does. Rejects with a
   * ForeignAddressError where it is to be had from `urls` alone that can't be asked.
   */
  blob(repository: Repository, blob: Descriptor, request: RegistryBlobRequest): Promise<BlobBody>;
}

/** How a listing is read. */
export interface ListOptions {
  readonly signal: AbortSignal;
  /** Entries that the registry is asked for at a time; it may send fewer, or more. Default 1000. */
  readonly pageSize?: number;
  /** Begins after this name, in the registry's order. Default: at the first. */
  readonly last?: string;
  /** Pages that are read at most. Default 10,000. */
  readonly maxPages?: number;
  /** Entries that are read at most. Default 1,000,000. */
  readonly maxEntries?: number;
  /** Bytes that its pages may have together. Default 256 MiB. */
  readonly maxBytes?: number;
}

/** Which referrers are listed, and how. */
export interface ReferrerOptions extends Omit<ListOptions, 'pageSize' | 'last'> {
  /** Those of this type alone. Default: all. */
  readonly artifactType?: string;
}

/**
 * Tells what a registry has. Listings come page by page: the next page is asked for when the
 * reader wants it, and never when it leaves the loop before. They reject with a
 * ListingTooLongError where a limit of the options is passed.
 */
export interface Lister {
  /** The tags of a repository (distribution spec, end-8). */
  tags(repository: Repository, options: ListOptions): AsyncIterable<readonly string[]>;
  /**
   * The paths of a registry's repositories (docker's `_catalog`); rejects with a NoCatalogError
   * where the registry doesn't list them, as many don't.
   */
  repositories(host: string, options: ListOptions): AsyncIterable<readonly string[]>;
  /**
   * What has a manifest as its subject, such as signatures (distribution spec, end-12). Where the
   * registry has no such list, what the tag `sha256-…` in place of it leads to.
   */
  referrers(
    repository: Repository,
    subject: Digest,
    options: ReferrerOptions,
  ): AsyncIterable<readonly Descriptor[]>;
}

/** Removes from a registry. */
export interface Remover {
  /**
   * Removes the tag that a reference names, or by its digest a manifest with all tags that lead to
   * it (distribution spec, end-9). What the manifest points at is for the registry to collect.
   *
   * @throws AmbiguousDeleteError when it names both; DeleteRefusedError where the registry
   *   deletes nothing, or no tags.
   */
  delete(reference: Reference, signal: AbortSignal): Promise<void>;
}

/** How {@link Pusher.upload} is watched and stopped. */
export interface UploadOptions {
  readonly signal: AbortSignal;
  /** Called with the bytes that the registry has got so far. */
  readonly onProgress?: (sent: number) => void;
  /** Goes on from what an attempt before has left there, and leaves there what the next needs. */
  readonly session?: UploadSession;
}

/** Writes to a registry (containerd's Pusher). */
export interface Pusher {
  /** Tells whether the repository holds the blob or manifest. */
  has(repository: Repository, descriptor: Descriptor, signal: AbortSignal): Promise<boolean>;
  /**
   * Makes a blob of another repository of the same registry available; false: not possible.
   * An upload that the registry opens in place of it is left in the session.
   */
  mount(
    repository: Repository,
    digest: Digest,
    from: string,
    options: Omit<UploadOptions, 'onProgress'>,
  ): Promise<boolean>;
  /**
   * Uploads a blob, unless the registry finds that it can mount it. `open` gives its bytes from
   * an offset and is called again when an interrupted upload goes on from where the registry
   * says; after a rejection the next call with the same session is the one that goes on.
   */
  upload(
    repository: Repository,
    blob: Descriptor,
    open: (offset: number) => Promise<Readable>,
    options: UploadOptions,
  ): Promise<'uploaded' | 'mounted'>;
  /**
   * Stores a manifest or index under the reference's tag, or under its digest when it has none.
   * One with a subject is put on the subject's list of referrers where the registry has no such
   * list of its own.
   */
  putManifest(reference: Reference, manifest: FetchedManifest, signal: AbortSignal): Promise<void>;
}

/** A client for any number of registries. Holds sockets until closed. */
export interface RegistryClient extends Resolver, Fetcher, Pusher, Lister, Remover {
  /**
   * Shows the credential to a registry (`name[:port]`) and resolves if it is let in (distribution
   * spec, end-1), with whether it had to be shown at all.
   */
  check(host: string, signal: AbortSignal): Promise<'authenticated' | 'open'>;
  /** Closes every socket; requests under way are aborted. Further calls do nothing. */
  close(): Promise<void>;
}
