import { RxferError } from '../transfer/index.js';

/** A command that was called in a way that can't work. */
export class UsageError extends RxferError {
  override readonly name = 'UsageError';

  constructor(message: string, hint: string) {
    super('ERR_USAGE', message, { hint });
  }
}
