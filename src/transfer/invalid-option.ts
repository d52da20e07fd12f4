import { RxferError } from './errors.js';

/** An option of the kernel's operators that makes no sense; the message names it. */
export class InvalidTransferOptionError extends RxferError {
  override readonly name = 'InvalidTransferOptionError';

  constructor(option: string, problem: string, options: { readonly cause?: unknown } = {}) {
    super('ERR_INVALID_TRANSFER_OPTION', `The option '${option}' ${problem}`, {
      ...options,
      hint: 'Correct that option where the operator is called, or leave it out.',
    });
  }
}
