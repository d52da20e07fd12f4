import type { IncomingHttpHeaders } from 'node:http';
import { faultOf, type Fault } from './faults.js';
import type { Answer } from './registry-answers.js';

/**
 * What `Range` and `If-Range` make of an answer (RFC 9110, 13.1.5 and 14): one range of bytes,
 * 416 past the end, and the whole for all else.
 */
export function withRange(
  answer: Answer,
  headers: IncomingHttpHeaders,
  faults: readonly Fault[],
): Answer {
  const { body } = answer;
  const isRanged = answer.headers?.['accept-ranges'] === 'bytes' && answer.status === 200;
  if (!isRanged || body === undefined || faultOf(faults, 'ignoreRange')) return answer;
  const condition = headers['if-range'];
  if (condition !== undefined && condition !== answer.headers['etag']) return answer;
  const asked = rangeOf(headers.range ?? '', body.length);
  if (asked === undefined) return answer;
  const begin = asked.begin + (faultOf(faults, 'wrongRange')?.shift ?? 0);
  if (begin >= body.length) {
    return { status: 416, headers: { 'content-range': `bytes */${body.length}` } };
  }
  return {
    status: 206,
    headers: {
      ...answer.headers,
      'content-range': `bytes ${begin}-${asked.end - 1}/${body.length}`,
    },
    body: body.subarray(begin, asked.end),
  };
}

/** First byte, and the one after the last. `undefined` for what is no single range. */
function rangeOf(text: string, size: number): { begin: number; end: number } | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(text) ?? [];
  if (first === '') {
    return last === '' ? undefined : { begin: Math.max(0, size - Number(last)), end: size };
  }
  if (last !== '' && Number(last) < Number(first)) return undefined;
  return {
    begin: Number(first),
    end: last === '' ? size : Math.min(Number(last) + 1, size),
  };
}
