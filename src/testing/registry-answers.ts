import type { IncomingHttpHeaders } from 'node:http';

/** One request, taken apart. */
export interface RegistryRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  /** Takes the body in, piece by piece; rejects when the connection breaks. Once. */
  receive(onChunk: (chunk: Buffer) => void): Promise<void>;
}

/** An answer of the registry, before faults and ranges. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** A refusal in the form of the distribution specification (Error Codes). */
export function failure(status: number, code: string, message: string): Answer {
  return jsonAnswer(status, { errors: [{ code, message }] });
}

/** The refusal of a method that a route, or this registry, doesn't have. */
export function notAllowed(): Answer {
  return failure(405, 'UNSUPPORTED', 'the operation is unsupported');
}

/** A document, with status and media type. */
export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(value)),
  };
}

/** The body whole, or `undefined` when it has more than `limit` bytes. */
export async function wholeBody(
  request: RegistryRequest,
  limit = Infinity,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  await request.receive((chunk) => {
    length += chunk.length;
    if (length <= limit) chunks.push(chunk);
  });
  return length > limit ? undefined : Buffer.concat(chunks, length);
}
