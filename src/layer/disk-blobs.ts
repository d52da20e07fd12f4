import * as fs from 'node:fs/promises';
import type { BlobBody, BlobRequest, Digest } from '../oci/index.js';
import type { DiskLayout } from './disk-layout.js';
import { maxDocumentSize } from './documents.js';
import { BlobNotFoundError, DocumentTooLargeError } from './errors.js';
import { fileBytes } from './file-bytes.js';
import type { BlobStore } from './store.js';
import { hasCode, onDisk } from './system-errors.js';

/** The blobs of a store on disk: documents and layers' blobs alike. */
export class DiskBlobs implements BlobStore {
  readonly #layout: DiskLayout;

  constructor(layout: DiskLayout) {
    this.#layout = layout;
  }

  async size(digest: Digest): Promise<number | undefined> {
    const file = this.#layout.blob(digest);
    return onDisk(file, () => sizeOf(file));
  }

  async read(digest: Digest): Promise<Uint8Array | undefined> {
    const file = this.#layout.blob(digest);
    return onDisk(file, async () => {
      const size = await sizeOf(file);
      if (size === undefined) return undefined;
      if (size > maxDocumentSize) throw new DocumentTooLargeError(digest, size, maxDocumentSize);
      return fs.readFile(file);
    });
  }

  async open(digest: Digest, { offset, signal }: BlobRequest): Promise<BlobBody> {
    const file = this.#layout.blob(digest);
    const handle = await onDisk(file, () => openBlob(file, digest));
    return { stream: fileBytes(handle, { start: offset, signal }), offset, resumable: true };
  }
}

/** Opens a whole blob's file. @throws BlobNotFoundError */
export async function openBlob(file: string, digest: Digest): Promise<fs.FileHandle> {
  try {
    return await fs.open(file, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new BlobNotFoundError(digest);
    throw error;
  }
}

/** Bytes of a file, or `undefined` when there is none. */
export async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await fs.stat(file)).size;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
