import { createHash } from 'node:crypto';
import { PassThrough, Transform, type Readable, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { finishDigest, type Compression, type Descriptor, type DiffID } from '../oci/index.js';
import { InvalidLayerError, LayerLimitError } from './errors.js';
import { createDecompressor, detectCompression, magicLength } from './compression.js';
import { unpackedSizeLimit, type UnpackLimits } from './limits.js';

/** What a layer's compressed bytes turned out to hold. */
export interface UnpackedLayer {
  readonly diffID: DiffID;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
}

/**
 * The part of a layer's way that doesn't depend on its parent: compressed bytes in at one end,
 * decompressed and hashed to the diffID, and out to whoever consumes the tar.
 */
export class Unpacking {
  readonly #blob: Descriptor;
  readonly #consume: (tar: Readable, signal: AbortSignal) => Promise<unknown>;
  readonly #stopping = new AbortController();
  readonly #entry = new PassThrough({ highWaterMark: 256 * 1024 });
  readonly #hashing: HashingStream;
  #head = Buffer.alloc(0);
  #consumed: Promise<unknown> | undefined;
  #failure: { error: unknown } | undefined;
  /** Called when the entry takes bytes again, or when all has failed. */
  #wake: (() => void) | undefined;

  /**
   * @param consume reads the tar to its end; its rejection fails the unpacking. The signal ends it,
   * also when there is nothing more to read.
   */
  constructor(
    blob: Descriptor,
    consume: (tar: Readable, signal: AbortSignal) => Promise<unknown>,
    limits: UnpackLimits = {},
  ) {
    this.#blob = blob;
    this.#consume = consume;
    this.#hashing = new HashingStream(unpackedSizeLimit(blob.size, limits));
    this.#entry.on('drain', () => this.#wake?.());
  }

  /** Takes the next bytes; resolves when more may come. Rejects with whatever failed behind. */
  async write(chunk: Buffer): Promise<void> {
    if (this.#consumed === undefined) {
      this.#head = Buffer.concat([this.#head, chunk]);
      if (this.#head.length < magicLength) return;
      await this.#begin();
    } else {
      await this.#pass(chunk);
    }
  }

  /** Waits until the last byte is consumed. */
  async finish(): Promise<UnpackedLayer> {
    if (this.#consumed === undefined) await this.#begin();
    this.#entry.end();
    await this.#consumed;
    this.#throwFailure();
    return { diffID: this.#hashing.diffID(), size: this.#hashing.size };
  }

  /** Stops everything, for that reason; resolves when nothing is being written any more. */
  async abort(reason?: unknown): Promise<void> {
    this.#stopping.abort(reason);
    this.#entry.destroy();
    await this.#consumed;
  }

  async #begin(): Promise<void> {
    const head = this.#head;
    this.#head = Buffer.alloc(0);
    this.#start(detectCompression(head, this.#blob.mediaType));
    await this.#pass(head);
  }

  #start(compression: Compression): void {
    const decompressor = createDecompressor(compression);
    const stages = decompressor === undefined ? [] : [decompressor];
    const feeding = pipeline([this.#entry, ...stages, this.#hashing]);
    // The consumer reads from the end of the pipeline, so its error tells of any failure in it.
    feeding.catch(() => undefined);
    this.#consumed = this.#consume(this.#hashing, this.#stopping.signal).catch((error: unknown) => {
      const isLayers = error instanceof InvalidLayerError || error instanceof LayerLimitError;
      this.#failure = { error: isLayers ? error.of(this.#blob.digest) : error };
      this.#entry.destroy();
      this.#wake?.();
    });
  }

  async #pass(chunk: Buffer): Promise<void> {
    this.#throwFailure();
    if (!this.#entry.write(chunk)) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

class HashingStream extends Transform {
  readonly #hash = createHash('sha256');
  readonly #limit: number;
  size = 0;

  constructor(limit: number) {
    // Chunks are objects to its reader: bytes that wait would be copied together for each read.
    super({
      writableHighWaterMark: 256 * 1024,
      readableObjectMode: true,
      readableHighWaterMark: 1,
    });
    this.#limit = limit;
  }

  diffID(): DiffID {
    return finishDigest(this.#hash, 'sha256') as string as DiffID;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    this.size += chunk.length;
    if (this.size <= this.#limit) done(null, chunk);
    else done(new LayerLimitError(`more than the ${this.#limit} bytes that its size allows`));
  }
}
