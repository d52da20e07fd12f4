import * as fs from 'node:fs';
import { hasCode } from './system-errors.js';

/**
 * Names in archives and on disk are bytes, and not always UTF-8. Here they are strings with one
 * character a byte (`latin1`), so that none is changed on its way from the archive to the disk.
 */
export function toBytePath(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The path as the file system's calls take it. */
export function nativePath(bytePath: string): fs.PathLike {
  // ASCII is the same in both encodings, and strings are quicker than buffers.
  return /[\u0080-\u00ff]/.test(bytePath) ? Buffer.from(bytePath, 'latin1') : bytePath;
}

/** The path as people read it, cut when it is very long. */
export function shownPath(bytePath: string): string {
  const text = Buffer.from(bytePath, 'latin1').toString('utf8');
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** What is at the path itself, links not followed; `undefined` when nothing is, or can be. */
export function lstatPath(bytePath: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(nativePath(bytePath), { throwIfNoEntry: false });
  } catch (error) {
    // A file where the path has a folder.
    if (hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}
