import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { digestAlgorithm, finishDigest, type Descriptor } from '../oci/index.js';
import { DigestMismatchError, SizeMismatchError } from './errors.js';
import type { IngestBackend } from './ingest-backend.js';
import { StagedContents } from './staged-contents.js';
import type { AppendOptions, BlobIngest } from './store.js';
import type { UnpackTurns } from './unpack-turns.js';

/** How an {@link Ingestion} goes about it. */
export interface IngestionOptions {
  /** Whether a blob that the store has is read again, to be unpacked. Default `read`. */
  readonly whole?: 'read' | 'trust';
  /** Default: it is unpacked whatever else is. */
  readonly turns?: UnpackTurns;
}

/**
 * A {@link BlobIngest} on any backend: hashes, checks digest and size, has layers unpacked, and takes
 * care that no two calls overlap.
 */
export class Ingestion<TWhole> implements BlobIngest<TWhole> {
  readonly #blob: Descriptor;
  readonly #backend: IngestBackend<TWhole>;
  readonly #contents: StagedContents<TWhole>;
  readonly #closing = new AbortController();
  #underWay: Promise<unknown> = Promise.resolve();
  #hash: Hash;
  #offset = 0;
  #closed: Promise<void> | undefined;

  private constructor(
    blob: Descriptor,
    backend: IngestBackend<TWhole>,
    turns: UnpackTurns | undefined,
  ) {
    this.#blob = blob;
    this.#backend = backend;
    this.#contents = new StagedContents(blob, backend, turns);
    this.#hash = createHash(digestAlgorithm(blob.digest));
  }

  /** Opens an ingest and takes in what the backend has from before. Owns the backend then. */
  static async open<TWhole>(
    blob: Descriptor,
    backend: IngestBackend<TWhole>,
    signal: AbortSignal,
    { whole = 'read', turns }: IngestionOptions = {},
  ): Promise<Ingestion<TWhole>> {
    const ingestion = new Ingestion(blob, backend, turns);
    try {
      if (whole === 'trust' && (await backend.isWhole())) ingestion.#offset = blob.size;
      else await ingestion.#replay(signal);
      return ingestion;
    } catch (error) {
      await ingestion.close();
      throw error;
    }
  }

  get offset(): number {
    return this.#offset;
  }

  append(body: Readable, { signal, onProgress }: AppendOptions): Promise<void> {
    return this.#alone(async (closing) => {
      let taken = Promise.resolve();
      const signals = AbortSignal.any([signal, closing]);
      const take = (source: AsyncIterable<Buffer>): Promise<void> =>
        (taken = this.#take(source, signals, onProgress));
      try {
        await pipeline(body, take, { signal: signals }).finally(async () => {
          // The pipeline doesn't wait for the write that is under way when the body fails.
          await taken.catch(() => undefined);
          // Also when it fails after its last byte, since nobody looks at the bytes again.
          this.#verify();
        });
      } catch (error) {
        if (error instanceof SizeMismatchError || error instanceof DigestMismatchError) {
          await this.#restart(closing);
        }
        throw error;
      }
      // An ingest that was closed meanwhile hasn't looked at it.
    }).finally(() => body.destroy());
  }

  restart(): Promise<void> {
    return this.#alone((closing) => this.#restart(closing));
  }

  complete(signal: AbortSignal): Promise<TWhole> {
    // The digest was verified as the last byte came in.
    return this.#alone(async (closing) => {
      const either = AbortSignal.any([signal, closing]);
      const stop = (): void => void this.#contents.abort(either.reason);
      either.throwIfAborted();
      if (this.#offset !== this.#blob.size) {
        throw new SizeMismatchError(this.#blob.digest, this.#blob.size, this.#offset);
      }
      either.addEventListener('abort', stop, { once: true });
      try {
        const { staging, layer } = await this.#contents.finish(either);
        either.throwIfAborted();
        await this.#backend.publish();
        const staged = await staging.finish(layer);
        this.#contents.handOver();
        return staged;
      } finally {
        either.removeEventListener('abort', stop);
      }
    });
  }

  close(): Promise<void> {
    this.#closing.abort();
    this.#closed ??= this.#underWay.then(async () => {
      await this.#contents.drop().finally(() => this.#backend.close());
    });
    return this.#closed;
  }

  async #replay(signal: AbortSignal): Promise<void> {
    for await (const chunk of this.#backend.existing()) {
      signal.throwIfAborted();
      // More than the whole can't be the beginning of this blob.
      if (this.#offset + chunk.length > this.#blob.size) return this.#restart(signal);
      await this.#pass(chunk, signal);
    }
    try {
      this.#verify();
    } catch {
      await this.#restart(signal);
    }
  }

  async #take(
    source: AsyncIterable<Buffer>,
    signal: AbortSignal,
    onProgress: AppendOptions['onProgress'],
  ): Promise<void> {
    const { digest, size } = this.#blob;
    for await (const chunk of source) {
      const end = this.#offset + chunk.length;
      if (end > size) throw new SizeMismatchError(digest, size, end);
      const keeping = this.#backend.write(chunk);
      if (keeping !== undefined) await keeping;
      const passing = this.#pass(chunk, signal);
      if (passing !== undefined) await passing;
      onProgress?.(this.#offset);
    }
    await this.#backend.flush();
  }

  /** Takes the next bytes in; a promise where that must be waited for. */
  #pass(chunk: Buffer, signal: AbortSignal): Promise<void> | undefined {
    this.#hash.update(chunk);
    const begin = this.#offset;
    this.#offset += chunk.length;
    return this.#contents.write(chunk, begin, signal);
  }

  #verify(): void {
    if (this.#offset !== this.#blob.size) return;
    const actual = finishDigest(this.#hash.copy(), digestAlgorithm(this.#blob.digest));
    if (actual !== this.#blob.digest) throw new DigestMismatchError(this.#blob.digest, actual);
  }

  async #restart(signal: AbortSignal): Promise<void> {
    await this.#contents.drop();
    await this.#backend.reset(signal);
    this.#hash = createHash(digestAlgorithm(this.#blob.digest));
    this.#offset = 0;
  }

  #alone<T>(call: (closing: AbortSignal) => Promise<T>): Promise<T> {
    const outcome = this.#underWay.then(() => {
      this.#closing.signal.throwIfAborted();
      return call(this.#closing.signal);
    });
    this.#underWay = outcome.catch(() => undefined);
    return outcome;
  }
}
