import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOnPath } from './peers.js';
import { temporaryFolder } from './temporary-folder.js';

/** A file system to be made in a file of its own. */
export interface LoopMount {
  /** What specs want it for, as the beginning of a sentence. */
  readonly purpose: string;
  /** The program that makes it, with its options, and Debian's package of that. */
  readonly make: readonly [program: string, ...options: string[]];
  readonly debianPackage: string;
  readonly megabytes: number;
  /** The program that mounts it, with its options. */
  readonly mount: readonly [program: string, ...options: string[]];
}

const mounted: string[] = [];

/**
 * A new, empty file system; `undefined`, with a word on what lacks, where it can't be made or this
 * user may not mount it. On CI the program that makes it may not be missing.
 */
export function mountImage(wanted: LoopMount): string | undefined {
  const { purpose, make, debianPackage, megabytes, mount } = wanted;
  const [program, ...options] = make;
  if (!isInstalled(program, debianPackage, purpose)) return undefined;
  const image = join(temporaryFolder(), 'image');
  writeFileSync(image, '');
  // Holes until it is written to.
  truncateSync(image, megabytes * 1024 * 1024);
  return mountWith(purpose, (folder) => {
    execFileSync(program, [...options, image], { stdio: 'pipe' });
    execFileSync(mount[0], [...mount.slice(1), image, folder], { stdio: 'pipe' });
  });
}

/** What was mounted on a new folder; `undefined`, with a word on what lacks, where it can't be. */
export function mountWith(purpose: string, mount: (folder: string) => void): string | undefined {
  const folder = temporaryFolder();
  try {
    mount(folder);
  } catch {
    console.warn(`${purpose} the right to mount, and a kernel that can: run as root`);
    return undefined;
  }
  mounted.push(folder);
  return folder;
}

/** Whether specs have a program that they need; on CI it may not be missing. */
export function isInstalled(program: string, debianPackage: string, purpose: string): boolean {
  return isOnPath(program) || lacks(`${purpose} ${program}: apt-get install ${debianPackage}`);
}

/** Says what specs lack; on CI that is a failure. */
export function lacks(problem: string): false {
  if (process.env['CI'] !== undefined) throw new Error(problem);
  console.warn(problem);
  return false;
}

/** Unmounts all of them. */
export function unmountAll(): void {
  for (const folder of mounted.splice(0)) execFileSync('umount', ['-l', folder]);
}
