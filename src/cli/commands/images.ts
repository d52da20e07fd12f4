import { familiarReference, parseReference, shortDigest } from '../../oci/index.js';
import { openStore } from '../open-store.js';
import type { StoreOptions } from '../options.js';

/** `rxfer images` */
export async function images(options: StoreOptions & { format: 'text' | 'json' }): Promise<void> {
  const store = await openStore(options);
  const records = await store.images.list();
  if (options.format === 'json') {
    console.log(JSON.stringify(records));
    return;
  }
  const rows = records.map(({ reference, manifest, created }) => [
    familiarReference(parseReference(reference)),
    shortDigest(manifest.digest),
    created.replace(/\.\d+Z$/, 'Z'),
  ]);
  const table = [['REFERENCE', 'DIGEST', 'PULLED'], ...rows];
  const widths = [0, 1].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  for (const row of table) {
    console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  }
}
