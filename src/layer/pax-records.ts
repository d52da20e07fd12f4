import { InvalidLayerError } from './errors.js';

/** The records of a PAX extended header; keys and values are strings of one character a byte. */
export type PaxRecords = ReadonlyMap<string, string>;

const xattrPrefix = 'SCHILY.xattr.';

/**
 * Reads an extended header (POSIX.1-2001 pax, Extended Header): `LENGTH KEY=VALUE\n`, repeated.
 * Later records override earlier ones; GNU's sparse 0.0 form, which repeats keys on purpose, comes
 * out as its 0.1 form, `GNU.sparse.map`.
 *
 * @throws InvalidLayerError
 */
export function parsePax(bytes: Buffer): PaxRecords {
  const records = new Map<string, string>();
  const pieces: string[] = [];
  let position = 0;
  while (position < bytes.length) {
    const space = bytes.indexOf(0x20, position);
    const digits = space < 0 ? '' : bytes.toString('latin1', position, space);
    const end = position + Number.parseInt(digits, 10);
    if (!/^\d{1,10}$/.test(digits) || end > bytes.length || bytes[end - 1] !== 0x0a)
      throw invalid();
    const record = bytes.toString('latin1', space + 1, end - 1);
    const equals = record.indexOf('=');
    if (equals < 1 || space >= end) throw invalid();
    const key = record.slice(0, equals);
    const value = record.slice(equals + 1);
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') {
      const isOffset = key === 'GNU.sparse.offset';
      if (isOffset !== (pieces.length % 2 === 0)) throw invalid();
      pieces.push(value);
    } else {
      records.set(key, value);
    }
    position = end;
  }
  if (pieces.length > 0) records.set('GNU.sparse.map', pieces.join(','));
  return records;
}

/** A record's whole number, or `otherwise` when there is none. @throws InvalidLayerError */
export function paxNumber(records: PaxRecords, key: string, otherwise: number): number {
  const value = records.get(key) ?? '';
  if (value === '') return otherwise;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw invalid();
  return number;
}

/** A record's time in microseconds, maybe before 1970. @throws InvalidLayerError */
export function paxTime(records: PaxRecords, key: string, otherwise: number): number {
  const value = records.get(key) ?? '';
  if (value === '') return otherwise;
  const [, sign, seconds = '', fraction = ''] = /^(-?)(\d{1,10})(?:\.(\d*))?$/.exec(value) ?? [];
  if (seconds === '') throw invalid();
  const exact = Number(seconds) * 1_000_000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
  if (sign === '') return exact;
  // What is cut off makes a negative time earlier.
  return -exact - (/[1-9]/.test(fraction.slice(6)) ? 1 : 0);
}

/** A record's name, or `otherwise` when there is none. @throws InvalidLayerError */
export function paxName(records: PaxRecords, key: string, otherwise: string): string {
  const value = records.get(key) ?? '';
  if (value.includes('\0')) throw invalid();
  return value === '' ? otherwise : value;
}

/** The extended attributes among the records, by their names. */
export function paxAttributes(records: PaxRecords): Map<string, Buffer> | undefined {
  let attributes: Map<string, Buffer> | undefined;
  for (const [key, value] of records) {
    // No value takes a record back, which is all that an empty attribute is (as Go has it, too).
    if (!key.startsWith(xattrPrefix) || value === '') continue;
    attributes ??= new Map();
    attributes.set(key.slice(xattrPrefix.length), Buffer.from(value, 'latin1'));
  }
  return attributes;
}

function invalid(): InvalidLayerError {
  return new InvalidLayerError(undefined, 'an extended header (PAX) is malformed');
}
