import * as path from 'node:path';
import { findGarbage, sizeOf } from './disk-collect.js';
import { blobsIn, layersIn, partialsIn, type ReferencedStore } from './disk-references.js';
import type { StoreUsage, UsageRow } from './maintenance.js';
import { onDisk } from './system-errors.js';
import { namesIn } from './trees.js';

/** Adds up a store, as StoreMaintenance.usage describes it. */
export async function usage(store: ReferencedStore): Promise<StoreUsage> {
  const { layout } = store;
  return onDisk(layout.root, async () => {
    const garbage = await findGarbage(store);
    const row = async <T>(
      all: readonly T[],
      unused: readonly T[],
      file: (one: T) => string,
    ): Promise<UsageRow> => ({
      count: all.length,
      bytes: await sizeOf(all.map(file)),
      reclaimable: await sizeOf(unused.map(file)),
    });
    const within = (folder: string) => (name: string) => path.join(folder, name);
    const sessions = (await namesIn(layout.sessions)).filter((name) => !name.includes('.lock'));
    return {
      images: await row(await namesIn(layout.images), [], within(layout.images)),
      layers: await row(await layersIn(layout), garbage.layers, (id) => layout.layer(id)),
      blobs: await row(await blobsIn(layout), garbage.blobs, (digest) => layout.blob(digest)),
      partials: await row(await partialsIn(layout), garbage.partials, (digest) =>
        layout.partial(digest),
      ),
      sessions: await row(sessions, [], within(layout.sessions)),
    };
  });
}
