import { types } from 'node:util';
import { RxferError } from '../transfer/index.js';
import { InvalidLayerError } from './errors.js';
import { isSystemError } from './system-errors.js';

/** What went wrong with a layer: a decompressor's complaint is the archive's fault, a disk's not. */
export function layerFault(error: unknown): unknown {
  if (error instanceof RxferError || isSystemError(error)) return error;
  const message = types.isNativeError(error) ? error.message : String(error);
  return new InvalidLayerError(undefined, message, error);
}
