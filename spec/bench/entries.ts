/**
 * `npm run bench:entries`: how long a layer of a million entries takes on its way into a store, and
 * out of it by hard links, and the most memory that the whole process has resident meanwhile.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeMany } from '../support/children/entries.js';

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rxfer-bench-'));
  try {
    const { entries, ingest, unpack, memory } = await takeMany(folder, 1_000_000);
    console.log(`${entries} entries: taken in ${seconds(ingest)}, unpacked in ${seconds(unpack)}`);
    console.log(`${(memory / 1e6).toFixed(0)} MB resident at most`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

void main();
