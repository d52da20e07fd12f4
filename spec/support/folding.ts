import { mountImage } from './loop-mount.js';

/** An NTFS by FUSE, which folds case, and keeps owners, modes, links and attributes. */
export function mountFolding(): string | undefined {
  return mountImage({
    purpose: 'names that differ in case need',
    make: ['mkntfs', '-F', '-q', '-f'],
    debianPackage: 'ntfs-3g',
    megabytes: 64,
    mount: ['lowntfs-3g', '-o', 'ignore_case,permissions,user_xattr'],
  });
}
