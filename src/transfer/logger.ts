import { RxferError } from './errors.js';
import type { RetryTransferOptions } from './retry-transfer.js';

/** What a line of a log tells, by name. Times are in ms, sizes and offsets in bytes. */
export type LogFields = Readonly<Record<string, string | number | undefined>>;

/**
 * Where rxfer tells what it does, in the shape of pino's: a pino logger is one. None of it is a
 * secret: neither credentials nor tokens, nor the queries of addresses.
 */
export interface Logger {
  /** rxfer tells nothing at this level yet. */
  trace(fields: LogFields, message: string): void;
  /** Each step: requests, tokens, layers, waits. */
  debug(fields: LogFields, message: string): void;
  /** What is out of the ordinary and as it should be. */
  info(fields: LogFields, message: string): void;
  /** What went wrong and is made up for, or is told as an error as well. */
  warn(fields: LogFields, message: string): void;
  /** Faults of rxfer's own. */
  error(fields: LogFields, message: string): void;
}

/** Tells nothing. The default wherever a logger may be given. */
export const silentLogger: Logger = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * What of an error may be told. Its causes aren't, and of errors that aren't rxfer's the message
 * isn't either: who knows what a server made them say.
 */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof RxferError)) {
    return { reason: error instanceof Error ? error.name : typeof error };
  }
  const { code, message, host, reference, digest } = error;
  const about = { host, reference, digest };
  const known = Object.entries(about).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(known), code, reason: message };
}

/** For `retryTransfer`: tells of each wait before another attempt, as a warning. */
export function loggedRetries(logger: Logger): NonNullable<RetryTransferOptions['onRetry']> {
  return (error, { failures, wait }) =>
    logger.warn({ ...errorFields(error), failures, wait }, 'trying again');
}
