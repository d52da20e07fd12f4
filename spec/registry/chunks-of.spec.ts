import { Readable } from 'node:stream';
import { chunksOf } from '../../src/registry/chunks-of.js';

const bytes = (text: string): Buffer => Buffer.from(text);

/** A stream that has all of these at once, and then what follows. */
function streamOf(chunks: readonly string[], after: (stream: Readable) => void): Readable {
  const stream = new Readable({ read: () => undefined });
  stream.on('error', () => undefined);
  for (const chunk of chunks) stream.push(bytes(chunk));
  setImmediate(() => after(stream));
  return stream;
}

async function read(stream: Readable): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of chunksOf(stream)) chunks.push(chunk.toString());
  return chunks;
}

it('are those that came, though several wait', async () => {
  const stream = streamOf(['a', 'bc', 'd'], (each) => {
    each.push(bytes('e'));
    each.push(null);
  });
  expect(await read(stream)).toEqual(['a', 'bc', 'd', 'e']);
});

it('are none of an empty stream', async () => {
  expect(await read(streamOf([], (each) => each.push(null)))).toEqual([]);
});

it('are what came before an error, and then that', async () => {
  const chunks: string[] = [];
  const reading = (async () => {
    const stream = streamOf(['a'], (each) => each.destroy(new Error('broken')));
    for await (const chunk of chunksOf(stream)) chunks.push(chunk.toString());
  })();
  await expect(reading).rejects.toThrow('broken');
  expect(chunks).toEqual(['a']);
});

it('tell of a stream that was broken before', async () => {
  const stream = streamOf([], () => undefined).destroy(new Error('broken'));
  await expect(read(stream)).rejects.toThrow('broken');
});

it('tell of a stream that closes before its end', async () => {
  await expect(read(streamOf(['a'], (each) => each.destroy()))).rejects.toMatchObject({
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  });
});

it('are taken no faster than they are asked for', async () => {
  let taken = 0;
  const source = Readable.from(
    (function* () {
      for (; taken < 100; taken++) yield bytes(String(taken));
    })(),
    { objectMode: false, highWaterMark: 4 },
  );
  const chunks = chunksOf(source);
  await chunks.next();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(taken).toBeLessThan(10);
  await chunks.return();
  expect(source.destroyed).toBe(true);
});
