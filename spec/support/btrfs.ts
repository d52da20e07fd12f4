import { mountImage } from './loop-mount.js';

/** A btrfs, which has reflinks and quotas. */
export function mountBtrfs(): string | undefined {
  return mountImage({
    purpose: 'reflinks and quotas need',
    make: ['mkfs.btrfs', '-q'],
    debianPackage: 'btrfs-progs',
    // The least that it takes.
    megabytes: 160,
    mount: ['mount', '-o', 'loop'],
  });
}
