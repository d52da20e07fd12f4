import { formatBytes } from '../../progress/index.js';
import { openStore } from '../open-store.js';
import type { StoreOptions } from '../options.js';

/** `rxfer df` */
export async function df(
  options: StoreOptions & { readonly format: 'text' | 'json' },
): Promise<void> {
  const store = await openStore(options);
  const usage = await store.usage();
  if (options.format === 'json') {
    console.log(JSON.stringify({ directory: store.directory, ...usage }));
    return;
  }
  const rows = Object.entries(usage as unknown as Record<string, typeof usage.images>).map(
    ([kind, { count, bytes, reclaimable }]) => [
      kind,
      String(count),
      formatBytes(bytes),
      formatBytes(reclaimable),
    ],
  );
  for (const [kind = '', ...numbers] of [['KIND', 'COUNT', 'SIZE', 'RECLAIMABLE'], ...rows]) {
    console.log(`${kind.padEnd(10)}${numbers.map((number) => number.padStart(12)).join('')}`);
  }
}
