/** An upload that a registry has opened. */
export interface OpenUpload {
  /** Where the next request goes, with the registry's own query. */
  location: URL;
  /** Bytes that the registry is known to have. */
  offset: number;
  /** `unknown`: the registry has to tell the offset, since a request has broken. */
  state: 'known' | 'unknown';
  /** Bytes that each chunk but the last must have. */
  chunkMinLength: number;
}

/**
 * What one attempt to upload a blob leaves to the next: the upload that the registry holds open.
 * Make one for each blob and target, and use it for one attempt at a time. An upload that nobody
 * goes on with is for the registry to remove, as it does after some days.
 */
export class UploadSession {
  /** @hidden */
  upload: OpenUpload | undefined;

  /** Whether the registry holds an upload open. */
  get isOpen(): boolean {
    return this.upload !== undefined;
  }

  /** Bytes that the registry is known to have, and that the next attempt needn't send. */
  get offset(): number {
    return this.upload?.offset ?? 0;
  }
}
