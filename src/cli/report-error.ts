import { InvalidReferenceError } from '../oci/index.js';
import { RxferError } from '../transfer/index.js';
import { InterruptedError } from './interrupt.js';
import { messageOf } from './message-of.js';

const usageCodes = new Set([
  'ERR_USAGE',
  'ERR_INVALID_REFERENCE',
  'ERR_INVALID_PLATFORM',
  'ERR_INVALID_LOCATION',
  'ERR_INVALID_CONCURRENCY',
  'ERR_INVALID_ADDRESS',
]);

/** Says what went wrong, and what the process is to exit with. */
export function exitCodeOf(error: unknown, debug: boolean): number {
  if (error instanceof InterruptedError) {
    console.error('rxfer: interrupted');
    return error.exitCode;
  }
  if (error instanceof AggregateError) {
    const codes = error.errors.map((each: unknown) => exitCodeOf(each, debug));
    // Of a signal, whatever else went wrong.
    return codes.find((code) => code > 128) ?? Math.min(...codes);
  }
  for (const line of linesOf(error)) console.error(line);
  if (debug) console.error(error);
  return error instanceof RxferError && usageCodes.has(error.code) ? 2 : 1;
}

function linesOf(error: unknown): string[] {
  if (!(error instanceof RxferError)) {
    return [`rxfer: ${messageOf(error)}`, '  This should not have happened; --debug shows more.'];
  }
  const { message, reference, host, digest } = error;
  const about = [reference ?? host, digest].filter(
    (each) => each !== undefined && !message.includes(each),
  );
  const where = about.length === 0 ? '' : ` (${about.join(', ')})`;
  const caret =
    error instanceof InvalidReferenceError ? [`${' '.repeat(8 + error.position)}^`] : [];
  return [
    `rxfer: ${message}${where}`,
    ...caret,
    ...(error.hint === undefined ? [] : [`  ${error.hint}`]),
  ];
}
