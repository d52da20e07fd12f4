import * as fs from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BatchedFile } from '../layer/index.js';
import type { Descriptor } from '../oci/index.js';
import { BlobCheck } from './blob-check.js';
import type { WriteOptions } from './seams.js';

/** Where {@link writeVerified} writes, and what. */
export interface VerifiedWrite extends Pick<
  WriteOptions,
  'signal' | 'onProgress' | 'onReceived' | 'release'
> {
  readonly blob: Descriptor;
  /** It must not be there yet. */
  readonly file: string;
}

/**
 * Writes a blob to a file and syncs it. Rejects, and leaves the file behind, where the bytes aren't
 * the right ones.
 */
export async function writeVerified(
  source: Readable,
  { blob, file, signal, onProgress, onReceived, release }: VerifiedWrite,
): Promise<void> {
  const check = new BlobCheck(blob);
  // A source that breaks before its reader is there is found broken by it.
  source.on('error', () => undefined);
  try {
    const handle = await fs.open(file, 'wx');
    const bytes = new BatchedFile(handle, release);
    try {
      await pipeline(
        source,
        async (chunks: AsyncIterable<Buffer>) => {
          for await (const chunk of chunks) {
            check.update(chunk);
            const writing = bytes.write(chunk);
            if (writing !== undefined) await writing;
            onProgress?.(check.length);
          }
        },
        { signal },
      );
      check.finish();
      await bytes.flush();
      onReceived?.();
      await handle.sync();
    } finally {
      await bytes.discard();
      await handle.close();
    }
  } finally {
    source.destroy();
  }
}
