/** What every {@link RxferError} can be built with. */
export interface RxferErrorOptions {
  /** What led to this error; kept as the standard `cause`. */
  readonly cause?: unknown;
  /** What to do next, one sentence, shown to people below the message. */
  readonly hint?: string;
  /** The image reference it concerns, in its familiar form, without credentials. */
  readonly reference?: string;
  /** The digest of the blob or manifest it concerns. */
  readonly digest?: string;
  /** The registry host it concerns, as `name[:port]`. */
  readonly host?: string;
}

/**
 * The base of every error that rxfer emits or throws.
 *
 * `code` is stable between releases and is what programs should test; the message is for people
 * and may change. No error carries a credential.
 */
export class RxferError extends Error {
  override readonly name: string = 'RxferError';
  /** Stable identifier, `ERR_` and upper snake case. */
  readonly code: string;
  readonly hint?: string;
  readonly reference?: string;
  readonly digest?: string;
  readonly host?: string;

  constructor(code: string, message: string, options: RxferErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.reference !== undefined) this.reference = options.reference;
    if (options.digest !== undefined) this.digest = options.digest;
    if (options.host !== undefined) this.host = options.host;
  }
}
