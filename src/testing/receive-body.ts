import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SchedulerLike } from 'rxjs';
import { breakOf, faultOf, type Fault } from './faults.js';
import { breakOff, wait } from './send-body.js';

/** The connection broke before the body of a request was here. */
class BrokenBodyError extends Error {
  override readonly name = 'BrokenBodyError';
}

/**
 * Takes in the body of a request with back-pressure, and with what the faults make of it.
 *
 * @throws when the connection breaks before the end; what came until then was handed out.
 */
export async function receiveBody(
  request: IncomingMessage,
  response: ServerResponse,
  faults: readonly Fault[],
  scheduler: SchedulerLike,
  onChunk: (chunk: Buffer) => void,
): Promise<void> {
  const rate = faultOf(faults, 'rate')?.bytesPerSecond;
  const end = breakOf(faults);
  const limit = end?.afterBytes ?? Infinity;
  let length = 0;
  if (length < limit) {
    // Leaving the loop must not end the connection: that is the fault's to do.
    const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of chunks) {
      const accepted = chunk.subarray(0, Math.min(chunk.length, limit - length));
      length += accepted.length;
      onChunk(accepted);
      if (rate !== undefined) await wait((accepted.length / rate) * 1000, response, scheduler);
      if (length >= limit) break;
    }
  }
  if (end === undefined || length < limit) return;
  await breakOff(response, end.kind);
  throw new BrokenBodyError(`${end.kind} after ${limit} bytes`);
}
