import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { createMemoryStore, fileBytes } from '../../src/layer/index.js';
import { digestOf, mediaTypes } from '../../src/oci/index.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

afterAll(removeTemporaryFolders);

function sample(): string {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '0123456789');
  return file;
}

describe('fileBytes', () => {
  const { signal } = new AbortController();

  it('reads from a place to another, of a file and of a handle', async () => {
    const file = sample();
    expect((await buffer(fileBytes(file, { start: 3, signal }))).toString()).toBe('3456789');
    const part = fileBytes(await open(file), { start: 3, end: 5, signal });
    expect((await buffer(part)).toString()).toBe('345');
  });

  it('may fail before anybody reads, and tells who comes later', async () => {
    const aborted = AbortSignal.abort(new Error('nobody wants it'));
    const stream = fileBytes(sample(), { start: 0, signal: aborted });
    await new Promise((resolve) => stream.once('close', resolve));
    expect(stream.destroyed).toBe(true);
    await expect(buffer(stream)).rejects.toThrow();
  });
});

describe('an ingest that was closed', () => {
  it('destroys a body that it is given afterwards', async () => {
    const blob = {
      mediaType: mediaTypes.ociLayerGzip,
      digest: digestOf('0123456789'),
      size: 10,
    };
    const { signal } = new AbortController();
    const ingest = await createMemoryStore().layers.ingest(blob, signal);
    await ingest.close();
    const body = fileBytes(sample(), { start: 0, signal });
    await expect(ingest.append(body, { signal })).rejects.toThrow();
    expect(body.destroyed).toBe(true);
    await new Promise((resolve) => body.once('close', resolve));
  });
});
