import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { lacks, mountImage, mountWith } from './loop-mount.js';
import { temporaryFolder } from './temporary-folder.js';

/** Debian's Python, which has Debian's modules. */
const python = '/usr/bin/python3';

/** An NTFS by FUSE, which folds case, and keeps owners, modes, links and attributes. */
export function mountFoldingCase(): string | undefined {
  return mountImage({
    purpose: 'names that differ in case need',
    make: ['mkntfs', '-F', '-q', '-f'],
    debianPackage: 'ntfs-3g',
    megabytes: 64,
    mount: ['lowntfs-3g', '-o', 'ignore_case,permissions,user_xattr'],
  });
}

/**
 * A file system by FUSE that folds Unicode forms.
 *
 * @param kind whether it lists names as they were written, or in the form NFD.
 */
export function mountFoldingForms(kind: 'kept' | 'decomposed'): string | undefined {
  const purpose = 'names that differ in their Unicode form need';
  const isReady = hasFusePy() || lacks(`${purpose} fusepy: apt-get install python3-fusepy fuse3`);
  if (!isReady) return undefined;
  const program = join(__dirname, 'folding-forms.py');
  return mountWith(purpose, (folder) => {
    execFileSync(python, [program, kind, temporaryFolder(), folder], { stdio: 'pipe' });
  });
}

function hasFusePy(): boolean {
  try {
    execFileSync(python, ['-c', 'import fusepy'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
