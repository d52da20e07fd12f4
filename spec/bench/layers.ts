/**
 * `npm run bench:layers`: what it takes to give a layer back as the tar that it was made of, by
 * keeping its compressed blob, as the store does, or by keeping what of the archive isn't in the
 * unpacked files (headers and padding, as tar-split does) and reading those files again.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip, gzipSync } from 'node:zlib';
import { digestHex, openDiskStore, type DiskStore, type Layer } from '../../src/index.js';
import { readTar } from '../../src/layer/index.js';
import { tarOf, writeLayer, type BenchFile } from './images.js';

/** A file whose bytes the archive has from `offset` on. */
interface Gap {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

/** What is kept of an archive whose files are unpacked. */
interface Skeleton {
  /** Compressed: everything but the files' bytes. */
  readonly file: string;
  readonly gaps: readonly Gap[];
  readonly size: number;
}

const noSignal = new AbortController().signal;
const runs = 3;

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rxfer-bench-'));
  try {
    const store = await openDiskStore(join(folder, 'store'));
    for (const [title, files] of samples()) {
      await compare(title, store, await keep(store, folder, files), folder);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** About what base systems, language packages and single programs are like. */
function* samples(): Generator<[title: string, files: BenchFile[]]> {
  const many = (count: number, size: number): BenchFile[] =>
    Array.from({ length: count }, (_, index) => ({ name: `${index % 97}/file-${index}`, size }));
  yield ['20,000 files of 4 kB', many(20_000, 4_096)];
  yield ['2,000 files of 49 kB', many(2_000, 49_152)];
  yield ['1 file of 200 MB', many(1, 200_000_000)];
}

/** Puts a layer into the store, as a pull would. */
async function keep(store: DiskStore, folder: string, files: BenchFile[]): Promise<Layer> {
  const { digest, size } = await writeLayer(folder, tarOf(files));
  const blob = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size };
  const ingest = await store.layers.ingest(blob, noSignal);
  try {
    const body = createReadStream(join(folder, digestHex(digest)));
    await ingest.append(body, { signal: noSignal });
    const staged = await ingest.complete(noSignal);
    const lease = await store.layers.register(staged, undefined);
    await staged.discard();
    return lease.layer;
  } finally {
    await ingest.close();
  }
}

async function compare(
  title: string,
  store: DiskStore,
  layer: Layer,
  folder: string,
): Promise<void> {
  const diff = join(store.directory, 'layers', 'sha256', digestHex(layer.chainID), 'diff');
  const [skeleton, made] = await timed(() => skeletonOf(layer, join(folder, 'skeleton')));
  const ways: [string, () => AsyncIterable<Buffer>][] = [
    ['blob', () => blobTar(layer)],
    ['files', () => assembled(skeleton, diff)],
  ];
  console.log(`${title}: ${mega(layer.size)} uncompressed`);
  console.log(`  blob:  ${mega(layer.blob.size)} kept`);
  console.log(`  files: ${mega(skeleton.size)} kept, made in ${made.toFixed(0)} ms`);
  for (const cache of ['warm', 'cold'] as const) {
    for (const [way, tar] of ways) {
      const times: number[] = [];
      for (let run = 0; run < runs; run++) {
        if (cache === 'cold' && !dropCaches()) return;
        const [diffID, time] = await timed(() => digestOf(tar()));
        if (diffID !== layer.diffID) throw new Error(`${way} gives another tar: ${diffID}`);
        times.push(time);
      }
      console.log(`  ${way}, ${cache}: ${median(times).toFixed(0)} ms`);
    }
  }
  const [, compressing] = await timed(() =>
    pipeline(assembled(skeleton, diff), createGzip({ level: 6 }), nowhere()),
  );
  console.log(`  files, compressed again for a push: ${compressing.toFixed(0)} ms`);
}

async function* blobTar(layer: Layer): AsyncGenerator<Buffer> {
  yield* (await layer.tarStream()) as AsyncIterable<Buffer>;
}

/** Cuts the files' bytes out of a layer's archive, which is read into memory for that. */
async function skeletonOf(layer: Layer, file: string): Promise<Skeleton> {
  const stream = await layer.tarStream();
  const tar = await buffer(stream);
  const gaps: Gap[] = [];
  const kept: Buffer[] = [];
  let end = 0;
  for await (const { header, stored } of readTar(chunksOf(tar))) {
    if (header.type !== 'file') continue;
    gaps.push({ name: header.name, ...stored });
    kept.push(tar.subarray(end, stored.offset));
    end = stored.offset + stored.length;
  }
  kept.push(tar.subarray(end));
  // The names are in the headers: of the gaps, none of it would have to be kept.
  writeFileSync(file, gzipSync(Buffer.concat(kept), { level: 6 }));
  return { file, gaps, size: statSync(file).size };
}

async function* chunksOf(tar: Buffer): AsyncGenerator<Buffer> {
  const size = 256 * 1024;
  for (let at = 0; at < tar.length; at += size)
    yield await Promise.resolve(tar.subarray(at, at + size));
}

/** The archive from its skeleton and the unpacked files. */
async function* assembled({ file, gaps }: Skeleton, diff: string): AsyncGenerator<Buffer> {
  const skeleton = await buffer(createReadStream(file).pipe(createGunzip()));
  let position = 0;
  let filled = 0;
  for (const { name, offset, length } of gaps) {
    yield skeleton.subarray(position, offset - filled);
    position = offset - filled;
    filled += length;
    yield* bytesOf(join(diff, name), length);
  }
  yield skeleton.subarray(position);
}

async function* bytesOf(file: string, length: number): AsyncGenerator<Buffer> {
  if (length <= 256 * 1024) {
    // Through the thread pool, each would take ten times as long.
    yield readFileSync(file);
    return;
  }
  const handle = await open(file);
  yield* handle.createReadStream({ highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>;
}

async function digestOf(tar: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of tar) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/** Has the next run read from the disk, where this user may have that. */
function dropCaches(): boolean {
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    return true;
  } catch {
    return false;
  }
}

async function timed<T>(work: () => Promise<T>): Promise<[result: T, milliseconds: number]> {
  const begin = performance.now();
  const result = await work();
  return [result, performance.now() - begin];
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

function mega(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

void main();
