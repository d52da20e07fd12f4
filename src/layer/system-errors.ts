import { statfs } from 'node:fs/promises';
import { constants } from 'node:os';
import * as path from 'node:path';
import { types } from 'node:util';
import { RxferError } from '../transfer/index.js';
import { StoreError } from './errors.js';

const kinds: Readonly<Record<string, [code: `ERR_STORE_${string}`, what: string, hint: string]>> = {
  ENOSPC: ['ERR_STORE_NO_SPACE', 'There is no space left', 'Free some space there and try again.'],
  EDQUOT: ['ERR_STORE_QUOTA', 'The quota is used up', 'Free some space there or raise the quota.'],
  EFBIG: ['ERR_STORE_FILE_SIZE', 'A file may not be that large', 'Raise the limit (ulimit -f).'],
  EROFS: ['ERR_STORE_READ_ONLY', 'The file system is read-only', 'Choose a folder on another.'],
  EACCES: ['ERR_STORE_ACCESS', 'Access is denied', 'Check its owner and mode, or choose another.'],
  EPERM: ['ERR_STORE_ACCESS', 'Access is denied', 'Check its owner and mode, or choose another.'],
  EMFILE: ['ERR_STORE_TOO_MANY_FILES', 'Too many files are open', 'Raise the limit (ulimit -n).'],
  EXDEV: ['ERR_STORE_SPLIT', 'The store is on several file systems', 'Keep all of it on one.'],
  ENFILE: ['ERR_STORE_TOO_MANY_FILES', 'Too many files are open', 'Raise the system limit.'],
};

/**
 * Turns what the operating system says into a StoreError that names the path.
 *
 * @param detail what is needed there, where that is known.
 */
export function storeError(error: unknown, file: string, detail = ''): unknown {
  if (error instanceof RxferError || !isSystemError(error)) return error;
  const [code, what, hint] = kinds[codeOf(error)] ?? [
    'ERR_STORE_IO',
    `The file system failed (${error.message})`,
    'Check the disk; what was stored before is still there.',
  ];
  const place = placeOf(error) ?? file;
  return new StoreError(code, place, `${what}: ${place}${detail}`, hint, error);
}

/** Where it failed: what can't be made isn't there, so that it is its folder which refuses. */
function placeOf(error: NodeJS.ErrnoException): string | undefined {
  const isMaking = ['mkdir', 'symlink'].includes(error.syscall ?? '');
  const made = error.syscall === 'symlink' ? (error as { dest?: string }).dest : error.path;
  // A program that couldn't be started has a name there, not a place.
  if (made === undefined || !path.isAbsolute(made)) return undefined;
  return isMaking && hasCode(error, 'EACCES', 'EPERM', 'EROFS') ? path.dirname(made) : made;
}

/**
 * Runs work on files below a path, and turns the system's errors into StoreErrors.
 *
 * @param missing tells how many bytes are still to be written there.
 */
export async function onDisk<T>(
  file: string,
  work: () => T | Promise<T>,
  missing?: () => number,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeError(error, file, await room(error, file, missing?.()));
  }
}

/** What is needed and what is there, as the end of a sentence. */
async function room(error: unknown, file: string, missing: number | undefined): Promise<string> {
  if (!hasCode(error, 'ENOSPC', 'EDQUOT')) return '';
  const facts = missing === undefined ? [] : [`${missing} bytes are needed`];
  // What is free on the disk says nothing of a quota.
  if (hasCode(error, 'ENOSPC')) facts.push(...(await freeRoom(path.dirname(file))));
  return facts.length === 0 ? '' : ` (${facts.join(', ')})`;
}

async function freeRoom(folder: string): Promise<string[]> {
  try {
    const { bavail, bsize, files, ffree } = await statfs(folder);
    const bytes = `${bavail * bsize} bytes are free`;
    // Where files are counted, there may be too many of them while there are bytes left.
    return files > 0 ? [bytes, `${ffree} inodes are free`] : [bytes];
  } catch {
    return [];
  }
}

/** Tells whether the operating system refused a call, as against a fault of the data. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  // Not `instanceof`: the system's errors may come from another realm than ours.
  return types.isNativeError(error) && 'syscall' in error;
}

/** Tells whether an error is the system's, of the code given. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return isSystemError(error) && codes.includes(codeOf(error));
}

/** Of a quota that is used up, Node gives the number alone, and no name. */
function codeOf({ code = '', errno = 0 }: NodeJS.ErrnoException): string {
  return -errno === constants.errno.EDQUOT ? 'EDQUOT' : code;
}
