import type { Readable } from 'node:stream';

/**
 * The bytes of a blob on their way. Whoever asked for it owns `stream` and must read it to its
 * end or destroy it.
 */
export interface BlobBody {
  readonly stream: Readable;
  /** Where in the blob the first byte of `stream` stands; 0 when the source ignored the range. */
  readonly offset: number;
  /** Whether the source can continue from an offset, so that an interrupted fetch resumes. */
  readonly resumable: boolean;
  /**
   * Told that what was read isn't the blob, which the digest alone shows and the reader alone
   * checks. The source won't take it from the same place again. Returns whether there is another
   * place, in which case it is worth asking for the blob again at once, from its beginning.
   */
  distrust?(): boolean;
  /**
   * Takes back the memory of a chunk of `stream`, or of a part of one, so that later bytes are read
   * into it. Only for who reads `stream` alone, and once nobody looks at the chunk any more; what
   * isn't given back is left to the garbage collector. Whoever passes the stream on and keeps its
   * chunks leaves this out of the body that is passed on.
   */
  giveBack?(chunk: Buffer): void;
}

/** What to read of a blob. */
export interface BlobRequest {
  /** First byte wanted, in bytes from the blob's beginning. */
  readonly offset: number;
  /** Aborts the request and destroys the stream. */
  readonly signal: AbortSignal;
}
