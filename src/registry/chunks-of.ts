import { finished, type Readable } from 'node:stream';

/**
 * The chunks of a stream one by one, each as it came: Node's own iteration copies those that wait
 * into one. Ending it early destroys the stream.
 */
export async function* chunksOf(stream: Readable): AsyncGenerator<Buffer, void, undefined> {
  const waiting: Buffer[] = [];
  let end: { readonly error: Error | undefined } | undefined;
  let wake = (): void => undefined;
  stream.on('data', (chunk: Buffer) => {
    stream.pause();
    waiting.push(chunk);
    wake();
  });
  finished(stream, { writable: false }, (error) => {
    end = { error: error ?? undefined };
    wake();
  });
  try {
    for (;;) {
      const chunk = waiting.shift();
      if (chunk !== undefined) {
        yield chunk;
      } else if (end === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          stream.resume();
        });
      } else if (end.error !== undefined) {
        throw end.error;
      } else {
        return;
      }
    }
  } finally {
    stream.destroy();
  }
}
