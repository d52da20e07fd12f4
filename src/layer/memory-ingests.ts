import { Readable } from 'node:stream';
import { isDigestOf, type Descriptor, type Digest } from '../oci/index.js';
import type { IngestBackend, Staging } from './ingest-backend.js';
import { Ingestion, type IngestionOptions } from './ingestion.js';

/** The blobs on their way into a store in memory: of each, one at a time. */
export class MemoryIngests {
  readonly #blobs: Map<Digest, Buffer>;
  readonly #partials = new Map<Digest, Buffer[]>();
  readonly #underWay = new Map<Digest, Promise<void>>();

  constructor(blobs: Map<Digest, Buffer>) {
    this.#blobs = blobs;
  }

  /** Waits until no other ingest has this blob under way. */
  async open<TWhole>(
    blob: Descriptor,
    staging: Staging<TWhole>,
    signal: AbortSignal,
    options: IngestionOptions = {},
  ): Promise<Ingestion<TWhole>> {
    const former = this.#underWay.get(blob.digest) ?? Promise.resolve();
    let done: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => (done = resolve));
    this.#underWay.set(
      blob.digest,
      former.then(() => mine),
    );
    await former;
    if (signal.aborted) done();
    signal.throwIfAborted();
    return Ingestion.open(blob, this.#backend(blob, staging, done), signal, options);
  }

  #backend<TWhole>(
    blob: Descriptor,
    staging: Staging<TWhole>,
    done: () => void,
  ): IngestBackend<TWhole> {
    const { digest } = blob;
    const whole = this.#blobs.get(digest);
    let chunks = whole?.length === blob.size ? [whole] : (this.#partials.get(digest) ?? []);
    return {
      isWhole: () => Promise.resolve(this.#blobs.get(digest)?.length === blob.size),
      existing: () => Readable.from([...chunks]),
      write: (chunk) => void chunks.push(chunk),
      flush: () => Promise.resolve(),
      kept: (end) => Readable.from(firstBytes(chunks, end)),
      reset: () => {
        chunks = [];
        // Whoever has read it may have written to it.
        if (whole === undefined || !isDigestOf(digest, whole)) this.#blobs.delete(digest);
        return Promise.resolve();
      },
      stage: () => Promise.resolve(staging),
      publish: () => {
        this.#blobs.set(digest, Buffer.concat(chunks));
        done();
        return Promise.resolve();
      },
      close: () => {
        if (this.#blobs.has(digest)) this.#partials.delete(digest);
        else this.#partials.set(digest, chunks);
        done();
        return Promise.resolve();
      },
    };
  }
}

function* firstBytes(chunks: readonly Buffer[], end: number): Generator<Buffer, void> {
  let left = end;
  for (const chunk of chunks) {
    if (left <= 0) return;
    yield chunk.subarray(0, left);
    left -= chunk.length;
  }
}
