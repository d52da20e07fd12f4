/**
 * A process that takes a layer of so many entries into a store, and unpacks it from there by hard
 * links: `node entries.js FOLDER COUNT`. It prints how long both took, and the most memory it had.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { openDiskStore, type Descriptor, type Digest } from '../../../src/index.js';

/** What a layer of many entries has cost. */
export interface EntriesCost {
  readonly entries: number;
  /** Milliseconds. */
  readonly ingest: number;
  readonly unpack: number;
  /** Bytes that the process had resident at most. */
  readonly memory: number;
}

const { signal } = new AbortController();
const perFolder = 500;

/** Takes in a layer of empty files, in folders of 500, and unpacks it. */
export async function takeMany(folder: string, count: number): Promise<EntriesCost> {
  mkdirSync(folder, { recursive: true });
  const blob = await writeBlob(join(folder, 'blob'), count);
  const store = await openDiskStore(join(folder, 'store'));
  const begun = performance.now();
  const ingest = await store.layers.ingest(blob, signal);
  await ingest.append(createReadStream(join(folder, 'blob')), { signal });
  const staged = await ingest.complete(signal);
  await ingest.close();
  const lease = await store.layers.register(staged, undefined);
  await staged.discard();
  const taken = performance.now();
  const root = join(folder, 'root');
  const options = { sharing: 'hard', signal } as const;
  const applied = await store.layers.applyFiles?.(lease.layer, root, options);
  lease.release();
  return {
    entries: applied?.files.linked ?? 0,
    ingest: taken - begun,
    unpack: performance.now() - taken,
    memory: process.resourceUsage().maxRSS * 1024,
  };
}

async function writeBlob(file: string, count: number): Promise<Descriptor> {
  rmSync(file, { force: true });
  const hash = createHash('sha256');
  let size = 0;
  const gzip = createGzip({ level: 1 });
  await pipeline(
    Readable.from(chunks(count), { objectMode: false, highWaterMark: 1024 * 1024 }),
    gzip,
    async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        hash.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(file),
  );
  const digest = `sha256:${hash.digest('hex')}` as Digest;
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size };
}

/** A tar, a folder's files at a time. */
function* chunks(count: number): Generator<Buffer> {
  for (let first = 0; first < count; first += perFolder) {
    const files = Math.min(perFolder, count - first);
    yield Buffer.concat(
      Array.from({ length: files }, (_, index) =>
        header(`folder-${first / perFolder}/file-${index}`),
      ),
    );
  }
  yield Buffer.alloc(1024);
}

function header(name: string): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, 'latin1');
  block.write('0000644\0' + '0000000\0' + '0000000\0', 100, 'latin1');
  block.write('00000000000\0' + '14524700000\0' + ' '.repeat(8) + '0', 124, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

const [, , folder, count] = process.argv;
if (folder !== undefined && count !== undefined) {
  void takeMany(folder, Number(count)).then((cost) => console.log(JSON.stringify(cost)));
}
