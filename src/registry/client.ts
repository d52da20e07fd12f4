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
  resolve(reference: Reference, signal: AbortSignal): Promise<Descriptor>;
}

/** Reads from a registry (containerd's Fetcher). */
export interface Fetcher {
  /** The manifest or index that a tag or digest names; at most 4 MiB, digest verified. */
  manifest(reference: Reference, signal: AbortSignal): Promise<FetchedManifest>;
  /** The bytes of a blob from an offset. Not verified here: the ingest does. */
  blob(repository: Repository, blob: Descriptor, request: BlobRequest): Promise<BlobBody>;
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
  /** Stores a manifest or index under the reference's tag, or under its digest when it has none. */
  putManifest(reference: Reference, manifest: FetchedManifest, signal: AbortSignal): Promise<void>;
}

/** A client for any number of registries. Holds sockets until closed. */
export interface RegistryClient extends Resolver, Fetcher, Pusher {
  /**
   * Shows the credential to a registry (`name[:port]`) and resolves if it is let in (distribution
   * spec, end-1), with whether it had to be shown at all.
   */
  check(host: string, signal: AbortSignal): Promise<'authenticated' | 'open'>;
  /** Closes every socket; requests under way are aborted. Further calls do nothing. */
  close(): Promise<void>;
}
