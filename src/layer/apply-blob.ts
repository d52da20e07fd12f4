import { Readable } from 'node:stream';
import * as path from 'node:path';
import type { Descriptor, DiffID } from '../oci/index.js';
import { DoNotRetry } from '../transfer/index.js';
import type { AppliedLayer } from './apply-entries.js';
import { applyLayer } from './apply-layer.js';
import { isMismatch } from './errors.js';
import type { Staging } from './ingest-backend.js';
import { Ingestion } from './ingestion.js';
import type { UnpackLimits } from './limits.js';
import type { AppendOptions, BlobIngest } from './store.js';
import { onDisk } from './system-errors.js';

/** What came of a layer's blob that was unpacked onto a folder. */
export interface AppliedBlob extends AppliedLayer {
  /** What the blob's bytes unpacked to, to be compared with what the image's configuration says. */
  readonly diffID: DiffID;
  /** Does nothing: what is on the folder stays there. */
  discard(): Promise<void>;
}

/** The way of a blob onto a folder, where nothing can be begun anew. */
export type FolderIngestion = Omit<BlobIngest<AppliedBlob>, 'restart'>;

/**
 * Opens the way of a layer's blob onto a folder: verified, decompressed, hashed again and unpacked
 * with whiteouts applied as it arrives, while nothing is kept of the blob itself.
 *
 * It goes on where a body broke off. Bytes that turned out wrong can't be taken back, though: from
 * then on it fails with what was wrong, as a {@link DoNotRetry}, and whoever owns the folder empties
 * it and begins with the lowest layer again.
 *
 * @param signal ends the opening; the ingest is ended by `close`.
 */
export async function applyBlob(
  blob: Descriptor,
  root: string,
  limits: UnpackLimits,
  signal: AbortSignal,
): Promise<FolderIngestion> {
  const staging = onto(path.resolve(root), limits);
  const ingestion = await Ingestion.open(
    blob,
    {
      isWhole: () => Promise.resolve(false),
      existing: () => Readable.from([]),
      write: () => undefined,
      flush: () => Promise.resolve(),
      kept: () => Readable.from([]),
      reset: () => Promise.resolve(),
      stage: () => Promise.resolve(staging),
      publish: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    signal,
  );
  return new FolderIngest(ingestion);
}

function onto(root: string, limits: UnpackLimits): Staging<AppliedBlob> {
  let applied: AppliedLayer = { entries: 0, replacements: 0, omissions: [] };
  const discard = (): Promise<void> => Promise.resolve();
  return {
    limits,
    discard,
    consume: async (tar, signal) => {
      const options = { ...limits, whiteouts: 'apply', signal } as const;
      applied = await onDisk(root, () => applyLayer(tar, root, options));
    },
    finish: ({ diffID }) => Promise.resolve({ ...applied, diffID, discard }),
  };
}

class FolderIngest implements FolderIngestion {
  readonly #ingestion: Ingestion<AppliedBlob>;
  /** What was wrong with bytes that the folder has by now. */
  #spoilt: unknown;

  constructor(ingestion: Ingestion<AppliedBlob>) {
    this.#ingestion = ingestion;
  }

  get offset(): number {
    return this.#ingestion.offset;
  }

  async append(body: Readable, options: AppendOptions): Promise<void> {
    if (this.#spoilt !== undefined) {
      body.destroy();
      throw new DoNotRetry(this.#spoilt);
    }
    try {
      await this.#ingestion.append(body, options);
    } catch (error) {
      if (isMismatch(error)) this.#spoilt = error;
      throw error;
    }
  }

  complete(signal: AbortSignal): Promise<AppliedBlob> {
    return this.#ingestion.complete(signal);
  }

  close(): Promise<void> {
    return this.#ingestion.close();
  }
}
