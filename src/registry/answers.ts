import type { HttpAnswer } from './connections.js';
import { connectionFailure, refusalError, type Concern } from './failures.js';
import type { RegistryError } from './errors.js';

const refusalLimit = 64 * 1024;

/** A header's value; the first where it came several times. */
export function headerOf(answer: HttpAnswer, name: string): string | undefined {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

/** `Content-Length` in bytes, where it is stated and a number. */
export function lengthOf(answer: HttpAnswer): number | undefined {
  const text = headerOf(answer, 'content-length');
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Reads a body whole, or `undefined` as soon as it is over `limit` bytes. */
export async function readAtMost(
  answer: HttpAnswer,
  limit: number,
  concern: Concern,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  if ((lengthOf(answer) ?? 0) > limit) {
    await discard(answer);
    return undefined;
  }
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    // Leaving the loop destroys the body, and with it the socket.
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, length);
  } catch (error) {
    throw connectionFailure(error, { ...concern, host: answer.url.host }, signal);
  }
}

/** Lets go of a body that nobody needs, so that its socket serves again. */
export async function discard(answer: HttpAnswer): Promise<void> {
  await answer.body.dump().catch(() => undefined);
}

/** The error that a refusing answer stands for; reads its body as far as that is of use. */
export async function errorOf(
  answer: HttpAnswer,
  concern: Concern,
  signal: AbortSignal,
  context: { readonly now: number; readonly secrets?: readonly string[] | undefined },
): Promise<RegistryError> {
  const { status, headers, url } = answer;
  const about = { ...concern, host: url.host };
  const body = await readAtMost(answer, refusalLimit, concern, signal);
  const text = body?.toString('utf8') ?? '';
  return refusalError({ status, headers, text }, about, context.now, context.secrets);
}
