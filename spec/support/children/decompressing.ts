/**
 * Decompresses the samples of a file, each in parts of several sizes, and prints what came of them:
 * a digest or an error's message.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createDecompressor } from '../../../src/layer/index.js';
import { decompressed, inParts } from './decompressed.js';

async function main(file: string): Promise<void> {
  const samples = JSON.parse(readFileSync(file, 'utf8')) as { bytes: string; sizes: number[] }[];
  const outcomes: string[] = [];
  for (const { bytes, sizes } of samples) {
    const parts = inParts(Buffer.from(bytes, 'base64'), sizes);
    const outcome = await decompressed(createDecompressor('zstd')!, parts).then(
      (content) => createHash('sha256').update(content).digest('hex'),
      (error: unknown) => (error as Error).message,
    );
    outcomes.push(outcome);
  }
  process.stdout.write(JSON.stringify(outcomes));
}

void main(process.argv[2]!);
