import type { ByteSource } from './byte-source.js';
import { InvalidLayerError } from './errors.js';
import { paxName, paxNumber, type PaxRecords } from './pax-records.js';
import { blockSize, tarNumber, type TarBlock } from './tar-header.js';

/** A file with holes: the archive has only the pieces between them. */
export interface SparseFile {
  /** Bytes of the whole file, holes included. */
  readonly size: number;
  /** Where each piece goes and how long it is, in bytes, in the order of the file. */
  readonly pieces: readonly (readonly [offset: number, length: number])[];
  /** Bytes of the archive that the map took from the entry's data. */
  readonly mapSize: number;
}

/** Bytes that the map of one file's pieces may take. */
const maxMapSize = 1024 * 1024;

/**
 * Reads where the pieces of a sparse file go, in whichever of GNU's forms it is: the old one, with
 * the map in the header and blocks behind it, PAX 0.0 and 0.1, with the map in records, or PAX
 * 1.0, with the map ahead of the data (GNU tar manual, Storing Sparse Files).
 *
 * @returns `undefined` for a file without holes.
 * @throws InvalidLayerError
 */
export async function readSparse(
  header: Buffer,
  block: TarBlock,
  records: PaxRecords,
  source: ByteSource,
): Promise<SparseFile | undefined> {
  const sparse =
    block.flag === 'S' ? await readOld(header, source) : await readPax(records, source);
  if (sparse === undefined) return undefined;
  const stored = paxNumber(records, 'size', block.size) - sparse.mapSize;
  let end = 0;
  let sum = 0;
  for (const [offset, length] of sparse.pieces) {
    if (offset < end || offset + length > sparse.size) throw invalid();
    end = offset + length;
    sum += length;
  }
  if (sum !== stored) throw invalid();
  return sparse;
}

async function readOld(header: Buffer, source: ByteSource): Promise<SparseFile> {
  const numbers = readTable(header, 386, 4);
  let taken = 0;
  let isExtended = header[482] !== 0;
  while (isExtended) {
    const more = await source.take(blockSize);
    taken += blockSize;
    if (more.length < blockSize || taken > maxMapSize) throw invalid();
    for (const number of readTable(more, 0, 21)) numbers.push(number);
    isExtended = more[504] !== 0;
  }
  // Those blocks stand between header and data, and aren't counted in the entry's size.
  return { size: tarNumber(header, 483, 12), pieces: pairs(numbers), mapSize: 0 };
}

function readTable(block: Buffer, start: number, count: number): number[] {
  const numbers: number[] = [];
  for (let place = start; place < start + count * 24; place += 24) {
    if (block[place] === 0 || block[place + 12] === 0) break;
    numbers.push(tarNumber(block, place, 12), tarNumber(block, place + 12, 12));
  }
  return numbers;
}

async function readPax(records: PaxRecords, source: ByteSource): Promise<SparseFile | undefined> {
  const version = `${records.get('GNU.sparse.major') ?? ''}.${records.get('GNU.sparse.minor') ?? ''}`;
  const map = records.get('GNU.sparse.map');
  const size = paxNumber(records, 'GNU.sparse.size', paxNumber(records, 'GNU.sparse.realsize', 0));
  if (version === '1.0') return { size, ...(await readMap(source)) };
  if (version === '.' && map === undefined) return undefined;
  if (!['.', '0.0', '0.1'].includes(version)) throw invalid();
  const numbers = map === undefined || map === '' ? [] : map.split(',').map(wholeNumber);
  return { size, pieces: pairs(numbers), mapSize: 0 };
}

/** Numbers in lines, how many pairs first, padded to a whole block. */
async function readMap(source: ByteSource): Promise<Pick<SparseFile, 'pieces' | 'mapSize'>> {
  const numbers: number[] = [];
  let wanted = Number.POSITIVE_INFINITY;
  let line = '';
  let mapSize = 0;
  while (numbers.length < wanted) {
    const block = await source.take(blockSize);
    mapSize += blockSize;
    if (block.length < blockSize || mapSize > maxMapSize) throw invalid();
    const lines = (line + block.toString('latin1')).split('\n');
    line = lines.pop() ?? '';
    for (const each of lines) {
      if (wanted === Number.POSITIVE_INFINITY) wanted = 2 * wholeNumber(each);
      else if (numbers.length < wanted) numbers.push(wholeNumber(each));
    }
  }
  return { pieces: pairs(numbers), mapSize };
}

/** The file's name, which these forms keep out of its usual place. */
export function sparseName(records: PaxRecords, otherwise: string): string {
  return paxName(records, 'GNU.sparse.name', otherwise);
}

function pairs(numbers: readonly number[]): [number, number][] {
  if (numbers.length % 2 !== 0) throw invalid();
  const result: [number, number][] = [];
  for (let index = 0; index < numbers.length; index += 2) {
    result.push([numbers[index] ?? 0, numbers[index + 1] ?? 0]);
  }
  return result;
}

function wholeNumber(text: string): number {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw invalid();
  return number;
}

function invalid(): InvalidLayerError {
  return new InvalidLayerError(undefined, "a sparse file's map is malformed");
}
