import * as fs from 'node:fs/promises';
import type { ChainID, Digest } from '../oci/index.js';
import { alone, discard, emptyTrash } from './disk-collect.js';
import type { DiskLayout } from './disk-layout.js';
import type { LockWaiting } from './file-lock.js';
import { leased } from './disk-references.js';
import type { Damage, Verification } from './maintenance.js';

/**
 * Takes what is damaged out of a store: blobs, layers, and records that can't be read, but not
 * what a running process uses. Records that can be read stay, since they say what to fetch anew.
 */
export async function removeDamaged(
  layout: DiskLayout,
  waiting: LockWaiting,
  found: Verification,
  signal: AbortSignal,
): Promise<Verification> {
  const damages = await alone(layout, waiting, signal, async () => {
    const leases = await leased(layout);
    const removable = ({ kind, name }: Damage): boolean => {
      if (kind === 'blob') return !leases.blobs.has(name as Digest);
      if (kind === 'layer') return !leases.layers.has(name as ChainID);
      return !found.affected.includes(name);
    };
    const removed = found.damages.filter(removable);
    const named = (kind: Damage['kind']): string[] =>
      removed.filter((damage) => damage.kind === kind).map(({ name }) => name);
    await discard(layout, {
      layers: named('layer') as ChainID[],
      blobs: named('blob') as Digest[],
      partials: [],
    });
    for (const { kind, path } of removed) if (kind === 'image') await fs.rm(path, { force: true });
    return found.damages.map((damage) => ({ ...damage, removed: removed.includes(damage) }));
  });
  await emptyTrash(layout);
  return { ...found, damages };
}
