import type { ZstdLibrary } from './zstd-library.js';

const inputSize = 128 * 1024;

/** Of `ZSTD_inBuffer` and `ZSTD_outBuffer`: an address, a size, and a position from 0 to that. */
const bufferFields = 3;
const bufferStruct = bufferFields * Uint32Array.BYTES_PER_ELEMENT;

/** libzstd returns its errors as the negatives of these numbers, which end at 120. */
const maxErrorCode = 120;
const problems: Readonly<Record<number, string>> = {
  10: 'Unknown frame descriptor',
  14: 'Unsupported frame parameter',
  16: 'Frame requires too much memory for decoding',
  20: 'Data corruption detected',
  22: "Restored data doesn't match checksum",
  24: "Header of Literals' block doesn't respect format specification",
  30: 'Dictionary is corrupted',
  32: 'Dictionary mismatch',
  64: 'Allocation error : not enough memory',
};

/**
 * Decodes zstd as it comes, in frames one after the other, with libzstd's own limits: a frame's
 * window may have 128 MiB, and its checksum, where it has one, is verified.
 */
export class ZstdDecoder {
  readonly #zstd: ZstdLibrary;
  readonly #outputSize: number;
  readonly #context: number;
  readonly #input: number;
  readonly #output: number;
  /** A `ZSTD_inBuffer`, and behind it a `ZSTD_outBuffer`. */
  readonly #buffers: number;
  #isBetweenFrames = false;

  constructor(zstd: ZstdLibrary, outputSize: number) {
    this.#zstd = zstd;
    this.#outputSize = outputSize;
    this.#context = zstd.ZSTD_createDCtx();
    this.#input = zstd.malloc(inputSize);
    this.#output = zstd.malloc(outputSize);
    this.#buffers = zstd.malloc(2 * bufferStruct);
  }

  /** Whether the last frame is at its end, and there was one. */
  get isBetweenFrames(): boolean {
    return this.#isBetweenFrames;
  }

  /**
   * What the next bytes decode to, piece by piece, each decoded when it is asked for. All must be
   * taken before the next call.
   */
  *decode(bytes: Uint8Array): Generator<Buffer, undefined> {
    for (let start = 0; start < bytes.length; start += inputSize) {
      yield* this.#decodePart(bytes.subarray(start, start + inputSize));
    }
  }

  *#decodePart(part: Uint8Array): Generator<Buffer, undefined> {
    const { memory } = this.#zstd;
    new Uint8Array(memory.buffer, this.#input).set(part);
    let position = 0;
    let hasMore = true;
    while (hasMore) {
      const decoded = this.#step(part.length, position);
      position = decoded.position;
      // A full output may be all of what there was, and is then followed by nothing.
      const isFull = decoded.size === this.#outputSize;
      hasMore = position < part.length || (isFull && !this.#isBetweenFrames);
      if (decoded.size > 0) {
        const piece = Buffer.allocUnsafeSlow(decoded.size);
        piece.set(new Uint8Array(memory.buffer, this.#output, decoded.size));
        yield piece;
      }
    }
  }

  /** Decodes up to the end of the input, of the output, or of a frame. */
  #step(size: number, position: number): { readonly position: number; readonly size: number } {
    const { memory } = this.#zstd;
    const buffers = [this.#input, size, position, this.#output, this.#outputSize, 0];
    new Uint32Array(memory.buffer, this.#buffers).set(buffers);
    const result = this.#zstd.ZSTD_decompressStream(
      this.#context,
      this.#buffers + bufferStruct,
      this.#buffers,
    );
    // A size otherwise, which is negative, too, for skippable frames of 2 GiB and more.
    if (result < 0 && result >= -maxErrorCode) throw zstdError(-result);
    this.#isBetweenFrames = result === 0;
    const [, , taken = 0, , , made = 0] = new Uint32Array(memory.buffer, this.#buffers, 6);
    return { position: taken, size: made };
  }
}

function zstdError(code: number): Error {
  return new Error(problems[code] ?? `zstd failed with its error ${code}`);
}
