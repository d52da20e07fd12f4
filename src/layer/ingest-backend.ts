import type { Readable } from 'node:stream';
import type { UnpackLimits } from './limits.js';
import type { UnpackedLayer } from './unpacking.js';

/** Where an `Ingestion` keeps what passes through it. */
export interface IngestBackend<TWhole> {
  /** Tells whether the blob is part of the store already. */
  isWhole(): Promise<boolean>;
  /** What is here of the blob from before, from its beginning. */
  existing(): AsyncIterable<Buffer>;
  /** Keeps the next bytes of the blob; a promise where it must be waited for. */
  write(chunk: Buffer): Promise<void> | undefined;
  /** Resolves when all that was written is kept. */
  flush(): Promise<void>;
  /** What is here of the blob by now, up to a place in it that was flushed. */
  kept(end: number): AsyncIterable<Buffer>;
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
