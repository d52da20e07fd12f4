import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Observable } from 'rxjs';
import { dockerFailureLine } from '../progress/index.js';

/** Bytes that a reader may be behind. Progress that nobody reads isn't kept for ever. */
const maxBehind = 4 * 1024 * 1024;

/** How {@link streamLines} writes. */
export interface StreamLinesOptions {
  readonly type: string;
  /** What is written after each line. */
  readonly separator: string;
  /** The line that tells of an error which comes when the answer has begun. */
  readonly failure?: (error: unknown) => string;
  /** Whether the answer begins with the first line, or before. */
  readonly begin: 'on first line' | 'at once';
}

/** As Docker streams progress. */
export const dockerStream: StreamLinesOptions = {
  type: 'application/json',
  separator: '\r\n',
  failure: dockerFailureLine,
  begin: 'on first line',
};

/**
 * Answers a request with lines as they come. Whoever asked hangs up to unsubscribe.
 *
 * @throws What the lines error with before the first one, so that it becomes the answer.
 */
export function streamLines(
  reply: FastifyReply,
  lines$: Observable<string>,
  { type, separator, failure = () => '', begin }: StreamLinesOptions,
): Promise<FastifyReply> {
  return new Promise((resolve, reject) => {
    const body = new PassThrough({ highWaterMark: maxBehind });
    let hasBegun = false;
    const answer = (): void => {
      if (hasBegun) return;
      hasBegun = true;
      resolve(reply.type(type).send(body));
    };
    if (begin === 'at once') {
      answer();
      reply.raw.flushHeaders();
    }
    const subscription = lines$.subscribe({
      next: (line) => {
        answer();
        body.write(line + separator);
        if (body.writableLength > maxBehind) reply.raw.destroy();
      },
      error: (error: unknown) => {
        if (!hasBegun) reject(error instanceof Error ? error : new Error(String(error)));
        else body.end(failure(error) + separator);
      },
      complete: () => {
        answer();
        body.end();
      },
    });
    reply.raw.once('close', () => {
      subscription.unsubscribe();
      body.destroy();
      if (hasBegun) return;
      reply.hijack();
      resolve(reply);
    });
  });
}
