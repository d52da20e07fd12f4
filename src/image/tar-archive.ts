import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { Readable } from 'node:stream';
import {
  fileBytes,
  FileChunks,
  hasCode,
  InvalidLayerError,
  maxDocumentSize,
  readTar,
  storeError,
} from '../layer/index.js';
import { ArchiveError } from './errors.js';

/** Where the bytes of a file in an archive are. */
interface Member {
  readonly offset: number;
  readonly length: number;
}

/** Files that an archive may hold. */
const maxMembers = 100_000;
const maxLinks = 10;

/**
 * A tar whose files can be read at any place, once its headers are read. It holds nothing open.
 */
export class TarArchive {
  readonly file: string;
  readonly #members: ReadonlyMap<string, Member | string>;

  private constructor(file: string, members: ReadonlyMap<string, Member | string>) {
    this.file = file;
    this.#members = members;
  }

  /** Reads the headers. @throws ArchiveError when it isn't a tar, or too large. */
  static async open(file: string, signal: AbortSignal): Promise<TarArchive> {
    let handle;
    try {
      handle = await fs.open(file, 'r');
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw storeError(error, file);
      throw new ArchiveError(file, 'there is no such file', { cause: error });
    }
    try {
      await refuseCompressed(file, handle);
      const members = await readMembers(new FileChunks(handle), (await handle.stat()).size, signal);
      return new TarArchive(file, members);
    } catch (error) {
      if (!(error instanceof InvalidLayerError)) throw error;
      throw new ArchiveError(file, error.problem, { cause: error });
    } finally {
      await handle.close();
    }
  }

  /** Bytes of the file of that name, or `undefined`. */
  size(name: string): number | undefined {
    return this.#find(name)?.length;
  }

  /** The file's bytes from an offset; `undefined` when there is none of that name. */
  stream(name: string, offset: number, signal: AbortSignal): Readable | undefined {
    const member = this.#find(name);
    if (member === undefined) return undefined;
    const start = member.offset + offset;
    const end = member.offset + member.length;
    if (start >= end) return Readable.from([]);
    return fileBytes(this.file, { start, end: end - 1, signal });
  }

  /** A small file whole, or `undefined`. @throws ArchiveError when it isn't small. */
  async read(name: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const size = this.size(name) ?? 0;
    if (size > maxDocumentSize) {
      throw new ArchiveError(
        this.file,
        `its ${name} has ${size} bytes; ${maxDocumentSize} are the limit`,
      );
    }
    const stream = this.stream(name, 0, signal);
    if (stream === undefined) return undefined;
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  #find(name: string): Member | undefined {
    let member = this.#members.get(cleanName(name));
    for (let links = 0; typeof member === 'string' && links < maxLinks; links++) {
      member = this.#members.get(member);
    }
    return typeof member === 'string' ? undefined : member;
  }
}

/** Where each file is, and for links the name they lead to. Later ones override earlier ones. */
async function readMembers(
  chunks: FileChunks,
  size: number,
  signal: AbortSignal,
): Promise<Map<string, Member | string>> {
  const members = new Map<string, Member | string>();
  for await (const { header, stored, sparse } of readTar(chunks)) {
    signal.throwIfAborted();
    const name = cleanName(header.name);
    if (stored.offset + stored.length > size)
      throw new InvalidLayerError(undefined, 'it is truncated');
    if (header.type === 'symlink') {
      members.set(name, cleanName(path.posix.join(path.posix.dirname(name), header.linkname)));
    } else if (header.type === 'link') {
      members.set(name, cleanName(header.linkname));
    } else if (header.type === 'file' && sparse === undefined) {
      members.set(name, stored);
    }
    if (members.size > maxMembers) {
      throw new InvalidLayerError(undefined, `it has more than ${maxMembers} files`);
    }
  }
  return members;
}

async function refuseCompressed(file: string, handle: fs.FileHandle): Promise<void> {
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  const isGzip = buffer[0] === 0x1f && buffer[1] === 0x8b;
  const isZstd = buffer.equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]));
  if (!isGzip && !isZstd) return;
  const problem = `it is compressed with ${isGzip ? 'gzip' : 'zstd'} as a whole`;
  throw new ArchiveError(file, `${problem}; decompress it first`);
}

function cleanName(name: string): string {
  return path.posix.normalize(`/${name}`).slice(1);
}
