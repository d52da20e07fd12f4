import * as fs from 'node:fs';

/**
 * Gives a file, folder or link its time, to the microsecond. Node has it as a double of seconds,
 * which older versions cut to microseconds and later ones turn into nanoseconds, error included.
 *
 * @param file a path, whose last component is not followed, or an open file's descriptor.
 * @param modified microseconds since 1970, a whole number.
 */
export function setTimes(file: fs.PathLike | number, modified: number): void {
  const time = nodeTime(modified);
  if (typeof file === 'number') fs.futimesSync(file, time, time);
  else fs.lutimesSync(file, time, time);
}

/** A file's time, in microseconds since 1970. */
export function modifiedTime({ mtimeNs }: fs.BigIntStats): number {
  const microseconds = mtimeNs / 1000n;
  // What is cut off makes a time before 1970 earlier.
  return Number(mtimeNs < 0n && mtimeNs % 1000n !== 0n ? microseconds - 1n : microseconds);
}

function nodeTime(microseconds: number): number | Date {
  // Node takes a negative number for the time it is now, but believes a Date.
  if (microseconds < 0) return new Date(Math.floor(microseconds / 1000));
  if (microseconds % 1_000_000 === 0) return microseconds / 1_000_000;
  // Doubles of this century are up to half a microsecond apart: aimed between two, none is cut to
  // the one below.
  return (microseconds + 0.5) / 1_000_000;
}
