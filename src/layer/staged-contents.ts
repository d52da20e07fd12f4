import type { Descriptor, DiffID } from '../oci/index.js';
import { InvalidLayerError } from './errors.js';
import type { IngestBackend, Staging } from './ingest-backend.js';
import type { EndTurn, UnpackTurns } from './unpack-turns.js';
import { Unpacking, type UnpackedLayer } from './unpacking.js';

/**
 * Bytes that are read again at most while the rest of a blob is still to come: its connection waits
 * for that.
 */
const mostReadAgain = 8 * 1024 * 1024;

/** What takes in a blob's bytes: an {@link Unpacking}, or nothing. */
type Sink = Pick<Unpacking, 'write' | 'finish' | 'abort'>;

/**
 * What a blob comes to on its way into the staging area. A layer is unpacked as its bytes arrive, or
 * read again from what is kept of it where its turn to be unpacked comes later.
 */
export class StagedContents<TWhole> {
  readonly #blob: Descriptor;
  readonly #backend: Pick<IngestBackend<TWhole>, 'stage' | 'flush' | 'kept'>;
  readonly #turns: UnpackTurns | undefined;
  #staging: Staging<TWhole> | undefined;
  #sink: Sink | undefined;
  #endTurn: EndTurn | undefined;
  /** Why the bytes so far can't be unpacked: their digest will tell whose fault that is. */
  #invalid: InvalidLayerError | undefined;

  constructor(
    blob: Descriptor,
    backend: Pick<IngestBackend<TWhole>, 'stage' | 'flush' | 'kept'>,
    turns: UnpackTurns | undefined,
  ) {
    this.#blob = blob;
    this.#backend = backend;
    this.#turns = turns;
  }

  /** Takes in what has arrived at a place of the blob; a promise where that must be waited for. */
  write(chunk: Buffer, begin: number, signal: AbortSignal): Promise<void> | undefined {
    return this.#invalid === undefined ? this.#write(chunk, begin, signal) : undefined;
  }

  /**
   * Waits until all of the blob, which is there to its last byte, has been taken in.
   *
   * @throws InvalidLayerError
   */
  async finish(
    signal: AbortSignal,
  ): Promise<{ readonly staging: Staging<TWhole>; readonly layer: UnpackedLayer }> {
    const staging = await this.#stage();
    if (this.#sink === undefined && staging.consume !== undefined) {
      this.#endTurn = await this.#turns?.wait(signal);
    }
    const sink = this.#sink ?? (await this.#open(this.#blob.size, signal));
    if (this.#invalid !== undefined) throw this.#invalid;
    const layer = await sink.finish();
    this.#endTurn?.();
    return { staging, layer };
  }

  /** Stops what is under way, for that reason; resolves when nothing is being written any more. */
  async abort(reason?: unknown): Promise<void> {
    await this.#sink?.abort(reason);
  }

  /** Says that what was staged is another's now. */
  handOver(): void {
    this.#staging = undefined;
    this.#sink = undefined;
  }

  /** Forgets all of it, and removes what was staged. */
  async drop(): Promise<void> {
    try {
      await this.abort();
      await this.#staging?.discard();
    } finally {
      this.handOver();
      this.#endTurn?.();
      this.#invalid = undefined;
    }
  }

  async #write(chunk: Buffer, begin: number, signal: AbortSignal): Promise<void> {
    if (this.#sink === undefined) {
      const staging = await this.#stage();
      if (this.#turns !== undefined && staging.consume !== undefined) {
        this.#endTurn = begin > mostReadAgain ? undefined : this.#turns.take();
        if (this.#endTurn === undefined) return;
      }
      await this.#open(begin, signal);
    }
    await this.#feed(chunk);
  }

  /** Opens what takes the bytes in, and gives it those that came before. */
  async #open(end: number, signal: AbortSignal): Promise<Sink> {
    const staging = await this.#stage();
    const sink = sinkOf(this.#blob, staging);
    this.#sink = sink;
    if (staging.consume === undefined || end === 0) return sink;
    try {
      await this.#backend.flush();
      for await (const chunk of this.#backend.kept(end)) {
        signal.throwIfAborted();
        await this.#feed(chunk);
        if (this.#invalid !== undefined) break;
      }
      return sink;
    } catch (error) {
      // Who goes on later begins with the first byte again.
      await this.drop();
      throw error;
    }
  }

  async #feed(chunk: Buffer): Promise<void> {
    try {
      await this.#sink?.write(chunk);
    } catch (error) {
      if (!(error instanceof InvalidLayerError)) throw error;
      this.#invalid = error;
      await this.abort();
      this.#endTurn?.();
    }
  }

  async #stage(): Promise<Staging<TWhole>> {
    this.#staging ??= await this.#backend.stage();
    return this.#staging;
  }
}

function sinkOf<TWhole>(blob: Descriptor, staging: Staging<TWhole>): Sink {
  if (staging.consume === undefined) return keptAsIs(blob);
  return new Unpacking(blob, staging.consume.bind(staging), staging.limits);
}

/** A blob that isn't unpacked: it is all that there is in it. */
function keptAsIs({ digest, size }: Descriptor): Sink {
  return {
    write: () => Promise.resolve(),
    finish: () => Promise.resolve({ diffID: digest as string as DiffID, size }),
    abort: () => Promise.resolve(),
  };
}
