import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOnPath } from './peers.js';
import { temporaryFolder } from './temporary-folder.js';

const mounted: string[] = [];

/**
 * A new, empty btrfs, which has reflinks and quotas, in a file of its own; `undefined`, with a word
 * on what lacks, where it can't be made or this user may not mount it.
 */
export function mountBtrfs(): string | undefined {
  if (!isOnPath('mkfs.btrfs')) {
    const problem = 'reflinks and quotas need mkfs.btrfs: apt-get install btrfs-progs';
    if (process.env['CI'] !== undefined) throw new Error(problem);
    console.warn(problem);
    return undefined;
  }
  const image = join(temporaryFolder(), 'btrfs');
  const folder = temporaryFolder();
  writeFileSync(image, '');
  // The least that it takes; holes until it is written to.
  truncateSync(image, 160 * 1024 * 1024);
  try {
    execFileSync('mkfs.btrfs', ['-q', image], { stdio: 'pipe' });
    execFileSync('mount', ['-o', 'loop', image, folder], { stdio: 'pipe' });
  } catch {
    console.warn(
      'reflinks and quotas need the right to mount, and a kernel with btrfs: run as root',
    );
    return undefined;
  }
  mounted.push(folder);
  return folder;
}

/** Unmounts all of them. */
export function unmountAll(): void {
  for (const folder of mounted.splice(0)) execFileSync('umount', ['-l', folder]);
}
