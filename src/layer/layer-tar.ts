import { pipeline, type Readable } from 'node:stream';
import { createDecompressor, detectCompression } from './compression.js';

/** A layer's blob as its uncompressed tar. An error or the end of either reaches the other. */
export function decompressLayer(blob: Readable, head: Uint8Array, mediaType: string): Readable {
  const decompressor = createDecompressor(detectCompression(head, mediaType));
  // The outcome is that of the decompressor, which its reader hears.
  return decompressor === undefined ? blob : pipeline(blob, decompressor, () => undefined);
}
