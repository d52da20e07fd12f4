import { RxferError } from '../transfer/index.js';

/** A request to the engine that can't be fulfilled as it is. */
export class EngineRequestError extends RxferError {
  override readonly name = 'EngineRequestError';
  /** The status that it is answered with. */
  readonly status: number;

  constructor(message: string, hint: string, options: { status?: number; cause?: unknown } = {}) {
    super('ERR_ENGINE_REQUEST', message, { hint, cause: options.cause });
    this.status = options.status ?? 400;
  }
}

/** A request that comes, or may come, from a page in a browser that has no business here. */
export class EngineAccessError extends RxferError {
  override readonly name = 'EngineAccessError';

  constructor(problem: string) {
    super('ERR_ENGINE_ACCESS', `The request is refused: ${problem}`, {
      hint: 'Use the address that the engine listens on, from a program rather than a page.',
    });
  }
}

/** An image that others of the store refer to as well. */
export class ImageConflictError extends RxferError {
  override readonly name = 'ImageConflictError';

  constructor(name: string, references: readonly string[]) {
    super('ERR_IMAGE_CONFLICT', `${name} is the image of several names: ${references.join(', ')}`, {
      reference: name,
      hint: 'Name one of them, or use force to remove them all.',
    });
  }
}

/** What was under way was ended by somebody else than who had asked for it. */
export class CancelledError extends RxferError {
  override readonly name = 'CancelledError';

  constructor(why: string) {
    super('ERR_CANCELLED', why, { hint: 'Ask for it again; a pull goes on where it stopped.' });
  }
}

/** A text that is no address to listen on. */
export class InvalidAddressError extends RxferError {
  override readonly name = 'InvalidAddressError';

  constructor(text: string) {
    super('ERR_INVALID_ADDRESS', `'${text.slice(0, 300)}' is no address to listen on`, {
      hint: 'Write unix:PATH or tcp:HOST:PORT, such as tcp:127.0.0.1:2375; port 0: any.',
    });
  }
}

/** An address that can't be listened on. */
export class ListenError extends RxferError {
  override readonly name = 'ListenError';

  constructor(address: string, problem: string, hint: string, cause?: unknown) {
    super('ERR_LISTEN', `${address} can't be listened on: ${problem}`, { hint, cause });
  }
}
