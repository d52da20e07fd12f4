import * as fs from 'node:fs/promises';
import type { BlobBody, BlobRequest, Descriptor, Digest } from '../oci/index.js';
import { DiskIngest } from './disk-ingest.js';
import type { DiskPlace } from './disk-place.js';
import { maxDocumentSize } from './documents.js';
import { BlobNotFoundError, DocumentTooLargeError } from './errors.js';
import { fileBytes } from './file-bytes.js';
import { sizeOf } from './file-size.js';
import type { Staging } from './ingest-backend.js';
import { Ingestion } from './ingestion.js';
import type { BlobIngest, BlobStore, KeptBlob } from './store.js';
import { hasCode, onDisk } from './system-errors.js';

/** The blobs of a store on disk: documents and layers' blobs alike. */
export class DiskBlobs implements BlobStore {
  readonly #place: DiskPlace;

  constructor(place: DiskPlace) {
    this.#place = place;
  }

  async size(digest: Digest): Promise<number | undefined> {
    const file = this.#place.layout.blob(digest);
    return onDisk(file, () => sizeOf(file));
  }

  async read(digest: Digest): Promise<Uint8Array | undefined> {
    const file = this.#place.layout.blob(digest);
    return onDisk(file, async () => {
      const handle = await openIfThere(file);
      if (handle === undefined) return undefined;
      try {
        const { size } = await handle.stat();
        if (size > maxDocumentSize) throw new DocumentTooLargeError(digest, size, maxDocumentSize);
        return await handle.readFile();
      } finally {
        await handle.close();
      }
    });
  }

  async open(digest: Digest, { offset, signal }: BlobRequest): Promise<BlobBody> {
    const file = this.#place.layout.blob(digest);
    const handle = await onDisk(file, () => openBlob(file, digest));
    return { stream: fileBytes(handle, { start: offset, signal }), offset, resumable: true };
  }

  async ingest(blob: Descriptor, signal: AbortSignal): Promise<BlobIngest> {
    const { sessions } = this.#place;
    const stage = async (): Promise<Staging<KeptBlob>> => {
      const { end } = await sessions.lease({ kind: 'blob', digest: blob.digest });
      const discard = (): Promise<void> => {
        end();
        return Promise.resolve();
      };
      return { discard, finish: () => Promise.resolve({ blob, discard }) };
    };
    const ingest = await DiskIngest.open(this.#place, blob, stage, signal);
    return Ingestion.open(blob, ingest, signal, { whole: 'trust' });
  }
}

/** Opens a whole blob's file. @throws BlobNotFoundError */
export async function openBlob(file: string, digest: Digest): Promise<fs.FileHandle> {
  const handle = await openIfThere(file);
  if (handle === undefined) throw new BlobNotFoundError(digest);
  return handle;
}

/** To be opened before anything else is asked of it: a collection may remove it meanwhile. */
async function openIfThere(file: string): Promise<fs.FileHandle | undefined> {
  try {
    return await fs.open(file, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
