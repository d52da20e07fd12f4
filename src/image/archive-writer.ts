import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { storeError } from '../layer/index.js';
import { ArchiveError } from './errors.js';

const blockSize = 512;
const maxNameLength = 100;

/** Takes in the next bytes of a file in an archive. */
export type Sink = (chunk: Buffer) => Promise<void>;

/**
 * Writes a tar into one temporary file beside its place, which is moved there when it is whole.
 * Several files may be asked for at once: they are written one after the other. One that fails
 * leaves nothing behind, and may be written again.
 */
export class ArchiveWriter {
  readonly #file: string;
  readonly #temporary: string;
  #handle: fs.FileHandle | undefined;
  /** Where the next file's header goes. */
  #position = 0;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** @param file what is there of that name is replaced. */
  constructor(file: string) {
    this.#file = file;
    this.#temporary = `${file}.${randomUUID()}.tmp`;
  }

  /** Writes a file. @param write gives the bytes, and answers with the name, once it knows. */
  add<T extends { readonly name: string }>(write: (sink: Sink) => Promise<T>): Promise<T> {
    return this.#alone(async () => {
      const handle = await this.#open();
      const start = this.#position + blockSize;
      let size = 0;
      const written = await write(async (chunk) => {
        await writeAll(handle, chunk, start + size);
        size += chunk.length;
      });
      if (written.name.length > maxNameLength) {
        throw new ArchiveError(this.#file, `the name ${written.name} is too long for it`);
      }
      const padding = -size & (blockSize - 1);
      await writeAll(handle, Buffer.alloc(padding), start + size);
      await writeAll(handle, header(written.name, size), this.#position);
      this.#position = start + size + padding;
      return written;
    });
  }

  /** Writes a file that is at hand. */
  async addBytes(name: string, bytes: Uint8Array | string): Promise<void> {
    await this.add(async (sink) => {
      await sink(Buffer.from(bytes));
      return { name };
    });
  }

  /** Moves the archive to its place, durably. */
  finish(): Promise<void> {
    return this.#alone(async () => {
      const handle = await this.#open();
      await writeAll(handle, Buffer.alloc(2 * blockSize), this.#position);
      // Of a longer file that failed, there may be something left.
      await handle.truncate(this.#position + 2 * blockSize);
      await handle.sync();
      await handle.close();
      this.#handle = undefined;
      this.#isClosed = true;
      await fs.rename(this.#temporary, this.#file);
      const folder = await fs.open(path.dirname(this.#file), 'r');
      await folder.sync().finally(() => folder.close());
    });
  }

  /** Removes what isn't finished, once nothing is being written any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
    await this.#handle?.close();
    if (this.#handle !== undefined) await fs.rm(this.#temporary, { force: true });
    this.#handle = undefined;
  }

  async #open(): Promise<fs.FileHandle> {
    this.#handle ??= await fs.open(this.#temporary, 'wx', 0o644);
    return this.#handle;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const outcome = this.#last.then(async () => {
      if (this.#isClosed) throw new ArchiveError(this.#file, 'it is closed');
      try {
        return await work();
      } catch (error) {
        throw storeError(error, this.#file);
      }
    });
    this.#last = outcome.catch(() => undefined);
    return outcome;
  }
}

async function writeAll(handle: fs.FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(
      bytes,
      written,
      bytes.length - written,
      position + written,
    );
    written += bytesWritten;
  }
}

/** A ustar header of a file; sizes above 8 GiB as GNU writes them, in base 256. */
function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(blockSize);
  block.write(name, 0, 'latin1');
  block.write('0000644\0' + '0000000\0' + '0000000\0', 100, 'latin1');
  if (size < 8 ** 11) {
    block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  } else {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(size), 128);
  }
  block.write('00000000000\0' + ' '.repeat(8) + '0', 136, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
