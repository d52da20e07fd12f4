import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { digestAlgorithm, finishDigest, type Descriptor, type DiffID } from '../oci/index.js';
import { DigestMismatchError, InvalidLayerError, SizeMismatchError } from './errors.js';
import type { UnpackLimits } from './limits.js';
import type { AppendOptions, BlobIngest } from './store.js';
import { Unpacking, type UnpackedLayer } from './unpacking.js';

/** Where an {@link Ingestion} keeps what passes through it. */
export interface IngestBackend<TWhole> {
  /** Tells whether the blob is part of the store already. */
  isWhole(): Promise<boolean>;
  /** What is here of the blob from before, from its beginning. */
  existing(): AsyncIterable<Buffer>;
  /** Keeps the next bytes of the blob; a promise where it must be waited for. */
  write(chunk: Buffer): Promise<void> | undefined;
  /** Resolves when all that was written is kept. */
  flush(): Promise<void>;
  /**
   * Forgets the bytes of the blob. Those that are part of the store already go only if they are
   * damaged: a descriptor with a wrong size mustn't cost what other images need.
   */
  reset(signal: AbortSignal): Promise<void>;
  /** Begins to stage what the blob comes to, in place of what was staged before. */
  stage(): Promise<Staging<TWhole>>;
  /** Makes the whole, verified blob part of the store, durably. */
  publish(): Promise<void>;
  /** Lets go of everything, but keeps the bytes of an unfinished blob. */
  close(): Promise<void>;
}

/** A blob on its way into the staging area. */
export interface Staging<TWhole> {
  /** What a layer may unpack to. */
  readonly limits?: UnpackLimits;
  /**
   * Takes in the uncompressed tar. Absent where the blob is kept as it is.
   *
   * @param signal ends it, also when the tar is at its end already.
   */
  consume?(tar: Readable, signal: AbortSignal): Promise<unknown>;
  /** Removes what was staged. */
  discard(): Promise<void>;
  /** Hands over what was staged, once it is there to stay. */
  finish(layer: UnpackedLayer): Promise<TWhole>;
}

/** What takes in a blob's bytes as they arrive: an {@link Unpacking}, or nothing. */
type Contents = Pick<Unpacking, 'write' | 'finish' | 'abort'>;

/**
 * A {@link BlobIngest} on any backend: hashes, checks digest and size, unpacks layers as bytes
 * arrive, and takes care that no two calls overlap.
 */
export class Ingestion<TWhole> implements BlobIngest<TWhole> {
  readonly #blob: Descriptor;
  readonly #backend: IngestBackend<TWhole>;
  readonly #closing = new AbortController();
  #underWay: Promise<unknown> = Promise.resolve();
  #hash: Hash;
  #offset = 0;
  #staging: Staging<TWhole> | undefined;
  #unpacking: Contents | undefined;
  /** Why the bytes so far can't be unpacked: their digest will tell whose fault that is. */
  #invalid: InvalidLayerError | undefined;
  #closed: Promise<void> | undefined;

  private constructor(blob: Descriptor, backend: IngestBackend<TWhole>) {
    this.#blob = blob;
    this.#backend = backend;
    this.#hash = createHash(digestAlgorithm(blob.digest));
  }

  /**
   * Opens an ingest and takes in what the backend has from before. Owns the backend then.
   *
   * @param whole whether a blob that the store has is read again, to be unpacked.
   */
  static async open<TWhole>(
    blob: Descriptor,
    backend: IngestBackend<TWhole>,
    signal: AbortSignal,
    whole: 'read' | 'trust' = 'read',
  ): Promise<Ingestion<TWhole>> {
    const ingestion = new Ingestion(blob, backend);
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
      const take = (source: AsyncIterable<Buffer>): Promise<void> =>
        (taken = this.#take(source, onProgress));
      try {
        const signals = AbortSignal.any([signal, closing]);
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
      const stop = (): void => void this.#unpacking?.abort(either.reason);
      either.throwIfAborted();
      if (this.#offset !== this.#blob.size) {
        throw new SizeMismatchError(this.#blob.digest, this.#blob.size, this.#offset);
      }
      if (this.#invalid !== undefined) throw this.#invalid;
      either.addEventListener('abort', stop, { once: true });
      try {
        const [staging, unpacking] = await this.#stage();
        const layer = await unpacking.finish();
        either.throwIfAborted();
        await this.#backend.publish();
        const staged = await staging.finish(layer);
        this.#staging = undefined;
        this.#unpacking = undefined;
        return staged;
      } finally {
        either.removeEventListener('abort', stop);
      }
    });
  }

  close(): Promise<void> {
    this.#closing.abort();
    this.#closed ??= this.#underWay.then(async () => {
      await this.#dropStaging();
      await this.#backend.close();
    });
    return this.#closed;
  }

  async #replay(signal: AbortSignal): Promise<void> {
    for await (const chunk of this.#backend.existing()) {
      signal.throwIfAborted();
      // More than the whole can't be the beginning of this blob.
      if (this.#offset + chunk.length > this.#blob.size) return this.#restart(signal);
      await this.#pass(chunk);
    }
    try {
      this.#verify();
    } catch {
      await this.#restart(signal);
    }
  }

  async #take(
    source: AsyncIterable<Buffer>,
    onProgress: AppendOptions['onProgress'],
  ): Promise<void> {
    const { digest, size } = this.#blob;
    for await (const chunk of source) {
      const end = this.#offset + chunk.length;
      if (end > size) throw new SizeMismatchError(digest, size, end);
      const keeping = this.#backend.write(chunk);
      if (keeping !== undefined) await keeping;
      const passing = this.#pass(chunk);
      if (passing !== undefined) await passing;
      onProgress?.(this.#offset);
    }
    await this.#backend.flush();
  }

  /** Takes the next bytes in; a promise where that must be waited for. */
  #pass(chunk: Buffer): Promise<void> | undefined {
    this.#hash.update(chunk);
    this.#offset += chunk.length;
    return this.#invalid === undefined ? this.#unpack(chunk) : undefined;
  }

  async #unpack(chunk: Buffer): Promise<void> {
    const unpacking = this.#unpacking ?? (await this.#stage())[1];
    try {
      await unpacking.write(chunk);
    } catch (error) {
      if (!(error instanceof InvalidLayerError)) throw error;
      this.#invalid = error;
    }
  }

  async #stage(): Promise<[Staging<TWhole>, Contents]> {
    this.#staging ??= await this.#backend.stage();
    this.#unpacking ??= contentsOf(this.#blob, this.#staging);
    return [this.#staging, this.#unpacking];
  }

  #verify(): void {
    if (this.#offset !== this.#blob.size) return;
    const actual = finishDigest(this.#hash.copy(), digestAlgorithm(this.#blob.digest));
    if (actual !== this.#blob.digest) throw new DigestMismatchError(this.#blob.digest, actual);
  }

  async #restart(signal: AbortSignal): Promise<void> {
    await this.#dropStaging();
    await this.#backend.reset(signal);
    this.#hash = createHash(digestAlgorithm(this.#blob.digest));
    this.#offset = 0;
  }

  async #dropStaging(): Promise<void> {
    await this.#unpacking?.abort();
    await this.#staging?.discard();
    this.#unpacking = undefined;
    this.#staging = undefined;
    this.#invalid = undefined;
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

function contentsOf<TWhole>(blob: Descriptor, staging: Staging<TWhole>): Contents {
  if (staging.consume === undefined) return keptAsIs(blob);
  return new Unpacking(blob, staging.consume.bind(staging), staging.limits);
}

/** A blob that isn't unpacked: it is all that there is in it. */
function keptAsIs({ digest, size }: Descriptor): Contents {
  return {
    write: () => Promise.resolve(),
    finish: () => Promise.resolve({ diffID: digest as string as DiffID, size }),
    abort: () => Promise.resolve(),
  };
}
