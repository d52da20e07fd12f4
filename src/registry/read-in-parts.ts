import { RangeMismatchError } from './errors.js';
import { readBlob, type BlobReading } from './read-blob.js';
import type { BlobPart } from './request-blob.js';

/** How a large blob is divided. */
export interface PartSizes {
  /** Parts that are fetched at a time. */
  readonly count: number;
  /** Bytes of a part; so many are held in memory at most for each that is fetched ahead. */
  readonly size: number;
}

/**
 * The bytes of a part of a blob in their order, fetched in smaller parts of which several are under
 * way at a time:
 *
 * ```
 * part 1:  --1--1--1                      1, 2, 3: bytes
 * part 2:    --2--2--2                    held until those before are through
 * part 3:             --3--3              begun when part 1 is through (count: 2)
 * result:  --1--1--1(222)--3--3|
 * ```
 *
 * - Each part goes on by itself where its connection breaks, and moves on to the next host.
 * - Whether hosts know ranges shows with the first part. Where they don't, the answer to it is the
 *   whole blob, and nothing else is asked for.
 * - Ending the iteration early, or an error, ends all parts.
 */
export async function* readInParts(
  reading: BlobReading,
  { begin, end }: BlobPart,
  { count, size }: PartSizes,
): AsyncGenerator<Buffer, void, undefined> {
  const stopping = new AbortController();
  const signal = AbortSignal.any([reading.signal, stopping.signal]);
  const first = { begin, end: Math.min(begin + size, end) };
  /** Those that were begun after the first and haven't been read to their end. */
  const others: FetchedAhead[] = [];
  /** Where the next part begins; unknown until a host has shown that it knows ranges. */
  let next: number | undefined;
  const onAnswer: BlobReading['onAnswer'] = (endpoint, answer, part) => {
    if (answer.extent === 'part') {
      next ??= first.end;
    } else if (next === undefined) {
      first.end = end;
    } else {
      const { host } = endpoint;
      throw new RangeMismatchError(`${host} knows no ranges`, { host });
    }
    reading.onAnswer(endpoint, answer, part);
  };
  const read = (part: BlobPart) => readBlob({ ...reading, signal, onAnswer }, part);
  const beginMore = (limit: number): void => {
    while (next !== undefined && next < end && others.length < limit) {
      const part = { begin: next, end: Math.min(next + size, end) };
      next = part.end;
      others.push(new FetchedAhead(read(part)));
    }
  };
  try {
    for await (const chunk of read(first)) {
      beginMore(count - 1);
      yield chunk;
    }
    beginMore(count);
    while (others[0] !== undefined) {
      yield* others[0].bytes();
      others.shift();
      beginMore(count);
    }
  } finally {
    stopping.abort();
    await Promise.all(others.map(({ ended }) => ended));
  }
}

/** A part that is fetched whether or not anybody reads it yet. */
class FetchedAhead {
  readonly #chunks: Buffer[] = [];
  #state: { readonly error: unknown } | 'done' | undefined;
  #wake: (() => void) | undefined;
  /** Resolves when nothing of it is under way any more. */
  readonly ended: Promise<void>;

  constructor(source: AsyncIterable<Buffer>) {
    this.ended = this.#fetch(source);
  }

  /** The bytes as they come. To be read once. */
  async *bytes(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
        yield chunk;
      }
      if (this.#state === 'done') return;
      if (this.#state !== undefined) throw this.#state.error;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async #fetch(source: AsyncIterable<Buffer>): Promise<void> {
    try {
      for await (const chunk of source) {
        this.#chunks.push(chunk);
        this.#wake?.();
      }
      this.#state = 'done';
    } catch (error) {
      this.#state = { error };
    }
    this.#wake?.();
  }
}
