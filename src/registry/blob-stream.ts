import { Readable } from 'node:stream';

/**
 * Bytes that an iteration yields, as a stream. Destroying it calls `stop`, which must make a step
 * that is under way end, and closes once the iteration has.
 */
export class BlobStream extends Readable {
  readonly #bytes: AsyncGenerator<Buffer, void, undefined>;
  readonly #stop: () => void;
  #first: IteratorResult<Buffer, void> | undefined;

  /** @param first the result of the iteration's first step, which was taken already. */
  constructor(
    first: IteratorResult<Buffer, void>,
    bytes: AsyncGenerator<Buffer, void, undefined>,
    stop: () => void,
  ) {
    super({ highWaterMark: 256 * 1024 });
    this.#first = first;
    this.#bytes = bytes;
    this.#stop = stop;
  }

  override _read(): void {
    const step = this.#first === undefined ? this.#bytes.next() : Promise.resolve(this.#first);
    this.#first = undefined;
    step.then(
      ({ done, value }) => this.push(done === true ? null : value),
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#stop();
    const end = (): void => callback(error);
    this.#bytes.return().then(end, end);
  }
}
