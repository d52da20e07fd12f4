import { ByteSource, type Chunks } from './byte-source.js';
import { shownPath } from './byte-path.js';
import { InvalidLayerError } from './errors.js';
import {
  parsePax,
  paxAttributes,
  paxName,
  paxNumber,
  paxTime,
  type PaxRecords,
} from './pax-records.js';
import {
  blockSize,
  entryType,
  parseBlock,
  text,
  type TarBlock,
  type TarHeader,
} from './tar-header.js';
import { readSparse, sparseName, type SparseFile } from './tar-sparse.js';

/** One entry. What isn't read of its data when the next one is asked for is passed over. */
export interface TarEntry {
  readonly header: TarHeader;
  /** Where the pieces of a file with holes go; `undefined` for one without. */
  readonly sparse: SparseFile | undefined;
  /** Bytes of data that the archive has of it, and where in the archive they begin. */
  readonly stored: { readonly offset: number; readonly length: number };
  /** The bytes that the archive has of the file. To be read once. */
  readonly data: AsyncIterable<Buffer>;
  /** A file that has the same bytes, for those who can share it. */
  readonly original?: OriginalFile;
}

/** A file that has an entry's bytes, known from an earlier unpacking: what sharing files makes the link to or the copy of. */
export interface OriginalFile {
  /** A byte path. */
  readonly path: string;
  /** Whether its owner, mode and time are the entry's, too. */
  readonly isAlike: boolean;
}

/** Bytes that an extended header, a long name or a long link may have. */
const maxMetadata = 1024 * 1024;
const drainSize = 1024 * 1024;

/** What the headers ahead of an entry's own have said. */
interface Extensions {
  records: PaxRecords;
  name?: string;
  linkname?: string;
  /** They are about an entry that is still to come. */
  isPending?: boolean;
}

/**
 * Reads the entries of a tar, in the order of the archive: POSIX ustar and pax, GNU with long names
 * and sparse files, star, V7. Where writers differ it reads what Go's archive/tar reads, which is
 * what other container tools stand on, so that they all see the same entries.
 *
 * What follows the end marker is read and ignored; an archive without one may end after any entry.
 * Global extended headers are ignored.
 *
 * @param chunks ended when the reading ends, however that is.
 * @throws InvalidLayerError for a damaged or truncated archive.
 */
export async function* readTar(chunks: Chunks): AsyncGenerator<TarEntry, void> {
  const reader = new Reader(chunks);
  try {
    for (;;) {
      const entry = await reader.next();
      if (entry === undefined) return;
      yield entry;
    }
  } finally {
    await reader.close();
  }
}

class Reader {
  readonly #source: ByteSource;
  /** Bytes of the current entry's data that are still to come. */
  #data = 0;
  #padding = 0;
  /** How many entries there have been. */
  #count = 0;

  constructor(chunks: Chunks) {
    this.#source = new ByteSource(chunks);
  }

  /** The next entry, or `undefined` when everything is read. */
  async next(): Promise<TarEntry | undefined> {
    await this.#passOver();
    this.#count++;
    const extensions: Extensions = { records: new Map() };
    for (;;) {
      const header = await this.#header();
      if (header === undefined) {
        if (extensions.isPending === true) throw truncated();
        while ((await this.#source.some(drainSize)) !== undefined);
        return undefined;
      }
      const block = parseBlock(header);
      if (block.size < 0) throw new InvalidLayerError(undefined, 'an entry has a negative size');
      if (!(await this.#extend(extensions, block))) return this.#entry(header, block, extensions);
    }
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  /** A header's block; `undefined` at the end marker, or at the end of an archive without one. */
  async #header(): Promise<Buffer | undefined> {
    const block = await this.#source.take(blockSize);
    if (block.length === 0) return undefined;
    if (block.length < blockSize) throw truncated();
    if (!isZero(block)) return block;
    const second = await this.#source.take(blockSize);
    if (second.length < blockSize || isZero(second)) return undefined;
    throw new InvalidLayerError(
      undefined,
      'it is damaged: an empty block stands among its entries',
    );
  }

  /** Takes in a header that is about the next one, and tells whether it was one. */
  async #extend(extensions: Extensions, block: TarBlock): Promise<boolean> {
    switch (block.flag) {
      case 'x':
        extensions.records = parsePax(await this.#metadata(block));
        break;
      case 'g':
        await this.#metadata(block);
        return true;
      case 'L':
        extensions.name = untilNul(await this.#metadata(block));
        break;
      case 'K':
        extensions.linkname = untilNul(await this.#metadata(block));
        break;
      default:
        return false;
    }
    extensions.isPending = true;
    return true;
  }

  async #metadata({ size }: TarBlock): Promise<Buffer> {
    if (size > maxMetadata) {
      const problem = `an extended header has ${size} bytes; ${maxMetadata} are the limit`;
      throw new InvalidLayerError(undefined, problem);
    }
    const bytes = await this.#source.take(size);
    const padding = await this.#source.take(paddingOf(size));
    if (bytes.length < size || padding.length < paddingOf(size)) throw truncated();
    return bytes;
  }

  async #entry(header: Buffer, block: TarBlock, extensions: Extensions): Promise<TarEntry> {
    const { records } = extensions;
    const name = extensions.name ?? sparseName(records, paxName(records, 'path', block.name));
    const type = entryType(block.flag, name);
    const size = paxNumber(records, 'size', block.size);
    // Only files have data, whatever their headers say of others.
    const isData = type === 'file' || type === undefined;
    const sparse = isData ? await readSparse(header, block, records, this.#source) : undefined;
    this.#data = isData ? size - (sparse?.mapSize ?? 0) : 0;
    this.#padding = paddingOf(this.#data);
    return {
      header: {
        name,
        type,
        flag: block.flag,
        linkname: extensions.linkname ?? paxName(records, 'linkpath', block.linkname),
        mode: block.mode & 0o7777,
        uid: paxNumber(records, 'uid', block.uid),
        gid: paxNumber(records, 'gid', block.gid),
        size: isData ? (sparse?.size ?? size) : 0,
        modified: paxTime(records, 'mtime', block.modified),
        devmajor: block.devmajor,
        devminor: block.devminor,
        attributes: paxAttributes(records),
      },
      sparse,
      stored: { offset: this.#source.position, length: this.#data },
      data: this.#read(name, this.#count),
    };
  }

  async *#read(name: string, count: number): AsyncGenerator<Buffer, void> {
    while (count === this.#count && this.#data > 0) {
      const piece = await this.#source.some(this.#data);
      if (piece === undefined) {
        throw new InvalidLayerError(undefined, `it ends in the middle of '${shownPath(name)}'`);
      }
      this.#data -= piece.length;
      yield piece;
    }
  }

  async #passOver(): Promise<void> {
    this.#data = await this.#source.skip(this.#data);
    if (this.#data > 0) throw truncated();
    // The padding of the last entry may be missing.
    await this.#source.skip(this.#padding);
    this.#padding = 0;
  }
}

function paddingOf(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function untilNul(bytes: Buffer): string {
  return text(bytes, 0, bytes.length);
}

function truncated(): InvalidLayerError {
  return new InvalidLayerError(undefined, 'it is truncated');
}
