/** What to do with the next bytes of a frame: to look at so many, or to pass over them. */
type Step = { readonly take: number } | { readonly skip: number };

/** In the order of its bytes, as the next one. */
const frameMagic = [0x28, 0xb5, 0x2f, 0xfd] as const;
/** Behind its first byte, of which the lower half may be anything. */
const skippableMagic = [0x2a, 0x4d, 0x18] as const;
const sizesOfDictionaryID = [0, 1, 2, 4] as const;
const sizesOfContentSize = [0, 2, 4, 8] as const;
const blockTypes = { runLength: 1, reserved: 3 } as const;

/** Tells where zstd's frames end (RFC 8878), without decoding them. */
export class ZstdFrames {
  #frame: Generator<Step, undefined, DataView> | undefined;
  #step: Step | undefined;
  readonly #taken = new DataView(new ArrayBuffer(4));
  /** Bytes that the step has had already. */
  #done = 0;
  #isBetweenFrames = false;

  /** Whether the last frame is at its end, and there was one. */
  get isBetweenFrames(): boolean {
    return this.#isBetweenFrames;
  }

  /**
   * Goes on to the end of the frame, or of the bytes, and tells how many of them that were.
   *
   * @throws what is wrong, where no frame can go on like that.
   */
  advance(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    this.#isBetweenFrames = false;
    let position = 0;
    for (let step = this.#current(); step !== undefined; step = this.#next()) {
      const left = ('take' in step ? step.take : step.skip) - this.#done;
      const size = Math.min(left, bytes.length - position);
      if ('take' in step) this.#take(bytes.subarray(position, position + size));
      this.#done += size;
      position += size;
      if (size < left) return position;
    }
    this.#frame = undefined;
    this.#isBetweenFrames = true;
    return position;
  }

  #current(): Step | undefined {
    if (this.#frame !== undefined) return this.#step;
    this.#frame = readFrame();
    return this.#next();
  }

  #next(): Step | undefined {
    this.#done = 0;
    const { value } = this.#frame?.next(this.#taken) ?? {};
    this.#step = value;
    return value;
  }

  #take(bytes: Uint8Array): void {
    bytes.forEach((byte, index) => this.#taken.setUint8(this.#done + index, byte));
  }
}

/**
 * Reads a frame by its steps. What can't be one is told here, in libzstd's words: behind a frame, some
 * versions of Node take it for nothing.
 */
function* readFrame(): Generator<Step, undefined, DataView> {
  if (yield* isSkippable()) {
    const size = (yield { take: 4 }).getUint32(0, true);
    yield { skip: size };
    return;
  }
  const descriptor = (yield { take: 1 }).getUint8(0);
  yield { skip: restOfHeader(descriptor) };
  for (let isLast = false; !isLast;) {
    const header = (yield { take: 3 }).getUint32(0, true) & 0xffffff;
    isLast = (header & 1) === 1;
    const type = (header >> 1) & 3;
    if (type === blockTypes.reserved) throw new Error('Data corruption detected');
    yield { skip: type === blockTypes.runLength ? 1 : header >> 3 };
  }
  const hasChecksum = (descriptor & 0b100) !== 0;
  yield { skip: hasChecksum ? 4 : 0 };
}

/** Reads a frame's magic number, each byte before the decoder has it. */
function* isSkippable(): Generator<Step, boolean, DataView> {
  const first = (yield { take: 1 }).getUint8(0);
  const skippable = first >> 4 === 5;
  const [begin, ...rest] = frameMagic;
  let isKnown = skippable || first === begin;
  for (const byte of skippable ? skippableMagic : rest) {
    if (isKnown) isKnown = (yield { take: 1 }).getUint8(0) === byte;
  }
  if (!isKnown) throw new Error('Unknown frame descriptor');
  return skippable;
}

/** Bytes of a frame's header behind its descriptor. */
function restOfHeader(descriptor: number): number {
  const isSingleSegment = (descriptor & 0b100000) !== 0;
  const dictionaryID = sizesOfDictionaryID[descriptor & 0b11] ?? 0;
  const contentSize = sizesOfContentSize[descriptor >> 6] ?? 0;
  // A single segment has no byte for its window, and always one for its size.
  return dictionaryID + (isSingleSegment ? Math.max(contentSize, 1) : 1 + contentSize);
}
