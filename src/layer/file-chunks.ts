import type { FileHandle } from 'node:fs/promises';

const readSize = 64 * 1024;

/**
 * A file's bytes from its beginning, in chunks, where what nobody wants can be passed over without
 * being read: an archive's index costs its headers.
 */
export class FileChunks implements AsyncIterableIterator<Buffer, undefined> {
  readonly #handle: FileHandle;
  #position = 0;

  /** @param handle the caller closes it. */
  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Itself: it can be read once. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Reads up to 64 KiB. */
  async next(): Promise<IteratorResult<Buffer, undefined>> {
    const buffer = Buffer.allocUnsafe(readSize);
    const { bytesRead } = await this.#handle.read(buffer, 0, readSize, this.#position);
    if (bytesRead === 0) return { done: true, value: undefined };
    this.#position += bytesRead;
    return { done: false, value: buffer.subarray(0, bytesRead) };
  }

  /** Passes over so many bytes, which may lead beyond the end. */
  skip(length: number): void {
    this.#position += length;
  }
}
