import type { ImageProgressEvent } from '../progress/index.js';
import { RxferError } from '../transfer/index.js';
import { messageOf } from './message-of.js';
import type { ProgressMode } from './progress-options.js';

/** One pull among several has failed; the others go on. */
export interface FailureNews {
  readonly kind: 'failed';
  readonly reference: string;
  readonly error: unknown;
}

/** Tells the news of a failure from what comes of the others. */
export function isFailure(event: ImageProgressEvent | FailureNews): event is FailureNews {
  return event.kind === 'failed';
}

/** The line of a failure, in the form of the other lines of progress. */
export function failureLine(
  { kind, reference, error }: FailureNews,
  mode: Exclude<ProgressMode, 'auto' | 'none'>,
): string {
  const message = messageOf(error);
  const text = `Pull failed: ${message}`;
  switch (mode) {
    case 'tty':
    case 'plain':
      return `${reference}: ${text}`;
    case 'json': {
      const code = error instanceof RxferError ? error.code : undefined;
      return JSON.stringify({ kind, reference, code, message });
    }
    case 'docker':
      // An `errorDetail` would end it for those who read it.
      return JSON.stringify({ status: text, progressDetail: {}, id: reference });
  }
}
