import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { firstValueFrom, fromEvent, race, timer, type SchedulerLike } from 'rxjs';
import { breakOf, faultOf, type Fault } from './faults.js';

const chunkSize = 64 * 1024;

/** Sends a body with back-pressure, and with what the faults make of it. */
export async function sendBody(
  response: ServerResponse,
  bytes: Buffer,
  faults: readonly Fault[],
  scheduler: SchedulerLike,
  onSent: (bytes: number) => void,
): Promise<void> {
  const rate = faultOf(faults, 'rate')?.bytesPerSecond;
  const end = breakOf(faults);
  const size = Math.min(bytes.length, end?.afterBytes ?? bytes.length);
  const step =
    rate === undefined ? chunkSize : Math.max(1, Math.min(chunkSize, Math.ceil(rate / 20)));
  for (let offset = 0; offset < size && !response.destroyed; offset += step) {
    const chunk = bytes.subarray(offset, Math.min(offset + step, size));
    if (!response.write(chunk)) await drained(response);
    onSent(chunk.length);
    if (rate !== undefined) await wait((chunk.length / rate) * 1000, response, scheduler);
  }
  if (end === undefined || size === bytes.length) {
    response.end();
    return;
  }
  await flushed(response);
  await breakOff(response, end.kind);
}

/** Ends the connection, or waits for the client to do so. */
export async function breakOff(
  response: ServerResponse,
  kind: 'reset' | 'truncate' | 'stall',
): Promise<void> {
  if (kind === 'stall') await closed(response);
  else if (kind === 'reset') response.socket?.resetAndDestroy();
  else response.socket?.end();
}

/** Waits by the scheduler's time, in ms, or until the client is gone. */
export async function wait(
  milliseconds: number,
  response: ServerResponse,
  scheduler: SchedulerLike,
): Promise<void> {
  if (response.destroyed) return;
  await firstValueFrom(race(timer(milliseconds, scheduler), fromEvent(response, 'close')));
}

async function closed(response: ServerResponse): Promise<void> {
  if (!response.destroyed && response.socket?.destroyed === false) await once(response, 'close');
}

/** What was written has left this process, or the client is gone. */
async function flushed({ socket }: ServerResponse): Promise<void> {
  // Writes are done in their order, and this one is the last.
  await new Promise((resolve) => socket?.write('', resolve) ?? resolve(undefined));
}

/** More may be written, or the client is gone. */
async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed || !response.writableNeedDrain) return;
  const done = new AbortController();
  const { signal } = done;
  const either = [once(response, 'drain', { signal }), once(response, 'close', { signal })];
  await Promise.race(either).catch(() => undefined);
  done.abort();
  await Promise.allSettled(either);
}
