import { Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Bytes in parts of those sizes, over and over. */
export function inParts(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += parts.at(-1)!.length) {
    parts.push(bytes.subarray(start, start + sizes[parts.length % sizes.length]!));
  }
  return parts;
}

/** All that comes out of a decompressor. */
export async function decompressed(
  decompressor: Duplex,
  parts: readonly Buffer[],
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await pipeline(Readable.from(parts), decompressor, async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) chunks.push(chunk);
  });
  return Buffer.concat(chunks);
}
