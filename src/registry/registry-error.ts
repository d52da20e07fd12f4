import { DoNotRetry, RxferError, type RxferErrorOptions } from '../transfer/index.js';

/** What every {@link RegistryError} can be built with. */
export interface RegistryErrorOptions extends RxferErrorOptions {
  /** HTTP status of the answer that the error comes from. */
  readonly status?: number;
  /** The registry's own error code, such as `MANIFEST_UNKNOWN` (distribution spec, Error Codes). */
  readonly registryCode?: string;
  /** How long the server asks to wait before the next attempt, in ms. */
  readonly retryAfter?: number;
}

/**
 * The base of every error of the registry client. One that no retry can cure has a DoNotRetry as
 * its `cause`, so that `isDoNotRetry` finds it while the error itself keeps its type and code.
 */
export class RegistryError extends RxferError {
  override readonly name: string = 'RegistryError';
  readonly status?: number;
  readonly registryCode?: string;
  readonly retryAfter?: number;

  constructor(code: `ERR_${string}`, message: string, options: RegistryErrorOptions = {}) {
    super(code, message, options);
    if (options.status !== undefined) this.status = options.status;
    if (options.registryCode !== undefined) this.registryCode = options.registryCode;
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
  }
}

/** The options of an error that no retry can cure. */
export function final<TOptions extends RegistryErrorOptions>(options: TOptions): TOptions {
  const { cause = 'no retry can cure this' } = options;
  return { ...options, cause: new DoNotRetry(cause) };
}
