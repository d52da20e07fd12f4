import { InvalidLayerError } from './errors.js';

/** Bytes of a header, and what everything in a tar is padded to. */
export const blockSize = 512;

/** The kinds of entries that can be unpacked. */
export type TarEntryType =
  'file' | 'link' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo';

/** What a header block says, before extended headers have their say. */
export interface TarBlock {
  /** The type's character; `\0` for the files of the oldest tars. */
  readonly flag: string;
  /** As a byte path: one character a byte. */
  readonly name: string;
  /** Where a link leads, as a byte path. */
  readonly linkname: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes that follow in the archive. */
  readonly size: number;
  /** Microseconds since 1970. */
  readonly modified: number;
  readonly devmajor: number;
  readonly devminor: number;
}

/** What an archive says of one entry, all extended headers taken into account. */
export interface TarHeader extends TarBlock {
  /** `undefined` for a kind that can't be unpacked. */
  readonly type: TarEntryType | undefined;
  /** Bytes of the file, holes included; 0 for whatever is no file. */
  readonly size: number;
  /** Extended attributes by name; `undefined` for none. */
  readonly attributes: ReadonlyMap<string, Buffer> | undefined;
}

const types: Readonly<Record<string, TarEntryType>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
  S: 'file',
};

const zero = '0'.charCodeAt(0);

/** The kind of an entry, or `undefined` for one that can't be unpacked. */
export function entryType(flag: string, name: string): TarEntryType | undefined {
  // The oldest tars have no type for folders.
  if (flag === '\0' && name.endsWith('/')) return 'directory';
  return types[flag];
}

/**
 * Reads a header block in any of the forms that are in use: POSIX ustar and pax, GNU, star, V7.
 *
 * @throws InvalidLayerError when its checksum or a number in it is wrong.
 */
export function parseBlock(block: Buffer): TarBlock {
  if (!hasRightSum(block)) {
    throw new InvalidLayerError(undefined, "it isn't a tar, or is damaged: a checksum is wrong");
  }
  const magic = block.toString('latin1', 257, 265);
  const isPosix = magic.startsWith('ustar\0');
  const isGnu = magic === 'ustar  \0';
  const prefix = isPosix
    ? text(block, 345, block.toString('latin1', 508, 512) === 'tar\0' ? 131 : 155)
    : '';
  const name = text(block, 0, 100);
  const hasDevice = isPosix || isGnu;
  return {
    flag: String.fromCharCode(block[156] ?? 0),
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkname: text(block, 157, 100),
    mode: tarNumber(block, 100, 8),
    uid: tarNumber(block, 108, 8),
    gid: tarNumber(block, 116, 8),
    size: tarNumber(block, 124, 12),
    modified: tarNumber(block, 136, 12) * 1_000_000,
    devmajor: hasDevice ? tarNumber(block, 329, 8) : 0,
    devminor: hasDevice ? tarNumber(block, 337, 8) : 0,
  };
}

/**
 * A number in octal digits, or in GNU's base 256 for those that have no room otherwise.
 *
 * @throws InvalidLayerError when it is neither, or too large to be exact.
 */
export function tarNumber(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0;
  if ((first & 0x80) !== 0) return base256(block.subarray(start, start + length));
  const end = start + length;
  let at = start;
  while (at < end && isFiller(block[at])) at++;
  let value = 0;
  for (; at < end && !isFiller(block[at]); at++) {
    const digit = (block[at] ?? 0) - zero;
    if (digit < 0 || digit > 7) {
      throw new InvalidLayerError(undefined, 'a header has a number that is none');
    }
    value = value * 8 + digit;
  }
  return value;
}

function isFiller(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0;
}

/** Text to its first NUL. */
export function text(block: Buffer, start: number, length: number): string {
  const field = block.toString('latin1', start, start + length);
  const end = field.indexOf('\0');
  return end < 0 ? field : field.slice(0, end);
}

function base256(field: Buffer): number {
  const first = field[0] ?? 0;
  const isNegative = (first & 0x40) !== 0;
  let value = BigInt(isNegative ? first - 0x100 : first & 0x3f);
  for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new InvalidLayerError(undefined, 'a header has a number that is too large');
  }
  return number;
}

/** The sum of a header's bytes, with spaces for the sum itself. Some tars took them as signed. */
function hasRightSum(block: Buffer): boolean {
  const digits = /^[ \0]*([0-7]{1,7})[ \0]/.exec(block.toString('latin1', 148, 156))?.[1];
  if (digits === undefined) return false;
  const stated = Number.parseInt(digits, 8);
  let sum = 8 * 0x20;
  let large = 0;
  for (let index = 0; index < blockSize; index++) {
    const byte = block[index] ?? 0;
    sum += byte;
    large += byte >> 7;
  }
  for (let index = 148; index < 156; index++) {
    const byte = block[index] ?? 0;
    sum -= byte;
    large -= byte >> 7;
  }
  return stated === sum || stated === sum - 256 * large;
}
