import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createDecompressor, detectCompression, magicLength, storeError } from '../layer/index.js';
import { RxferError } from '../transfer/index.js';
import { EngineRequestError } from './errors.js';

/**
 * Writes the bytes of an archive into a new file, uncompressed: what is in it can't be read in
 * the order in which it comes.
 *
 * @param limit bytes that it may have, as it comes and as it is written.
 * @throws EngineRequestError when it has more, or can't be decompressed.
 */
export async function spool(
  body: Readable,
  file: string,
  limit: number,
  signal: AbortSignal,
): Promise<void> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const head = await readHead(chunks);
  const decompressor = createDecompressor(detectCompression(head, 'application/x-tar'));
  const stages = decompressor === undefined ? [] : [decompressor, limited(limit)];
  const target = createWriteStream(file, { flags: 'wx', mode: 0o600 });
  const whole = Readable.from(rest(head, chunks), { objectMode: false });
  try {
    await pipeline([whole, limited(limit), ...stages, target], { signal });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (error instanceof RxferError || signal.aborted) throw error;
    if (decompressor?.errored === error || code.startsWith('Z_')) {
      const problem = `The archive can't be decompressed: ${message}`;
      throw new EngineRequestError(problem, 'Save it again.', { cause: error });
    }
    throw storeError(error, file);
  }
}

async function readHead(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < magicLength) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return head;
}

async function* rest(head: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* { [Symbol.asyncIterator]: () => chunks };
}

function limited(limit: number): Transform {
  let length = 0;
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      length += chunk.length;
      if (length <= limit) {
        done(null, chunk);
        return;
      }
      const hint = 'Load its images one by one, or raise the limit of the engine.';
      const message = `The archive has more than ${limit} bytes`;
      done(new EngineRequestError(message, hint, { status: 413 }));
    },
  });
}
