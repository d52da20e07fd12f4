import { createCipheriv, createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import * as tar from 'tar-stream';
import type { Digest } from '../../src/index.js';

/** A file of a layer. Its content follows from its name. */
export interface BenchFile {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
}

/** Writes an OCI layout, tag `v1`, of layers with one file each, whatever their size. */
export async function writeBenchLayout(
  folder: string,
  layers: readonly BenchFile[],
): Promise<void> {
  await writeLayout(
    folder,
    layers.map((file) => tarOf([file])),
  );
}

/** Writes an OCI layout, tag `v1`, of layers that are tars, each read once the one before ended. */
export async function writeLayout(folder: string, layers: Iterable<Readable>): Promise<void> {
  const blobs = join(folder, 'blobs', 'sha256');
  mkdirSync(blobs, { recursive: true });
  const descriptors = [];
  const diffIDs = [];
  for (const layer of layers) {
    const { digest, diffID, size } = await writeLayer(blobs, layer);
    const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
    descriptors.push({ mediaType, digest, size });
    diffIDs.push(diffID);
  }
  const put = (mediaType: string, value: unknown): object => {
    const bytes = Buffer.from(JSON.stringify(value));
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const config = put('application/vnd.oci.image.config.v1+json', {
    os: 'linux',
    architecture: 'amd64',
    config: {},
    rootfs: { type: 'layers', diff_ids: diffIDs },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = put(mediaType, { schemaVersion: 2, mediaType, config, layers: descriptors });
  const annotations = { 'org.opencontainers.image.ref.name': 'v1' };
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const manifests = [{ ...manifest, annotations }];
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
}

/** A tar of files, their content made while it is read. */
export function tarOf(files: Iterable<BenchFile>): Readable {
  const pack = tar.pack();
  const fill = async (): Promise<void> => {
    for (const { name, size } of files) {
      const entry = pack.entry({ name, size, mtime: new Date(0) });
      await pipeline(Readable.from(binaryLike(name, size)), entry as NodeJS.WritableStream);
    }
    pack.finalize();
  };
  fill().catch((error: unknown) => pack.destroy(error as Error));
  return pack as unknown as Readable;
}

/** Writes a layer's blob into a folder, named by its digest in hex. */
export async function writeLayer(
  blobs: string,
  layer: Readable,
): Promise<{ digest: Digest; diffID: string; size: number }> {
  const [plain, compressed] = [createHash('sha256'), createHash('sha256')];
  let length = 0;
  const temporary = join(blobs, 'temporary');
  await pipeline(
    layer,
    watching((chunk) => plain.update(chunk)),
    createGzip({ level: 6 }),
    watching((chunk) => {
      compressed.update(chunk);
      length += chunk.length;
    }),
    createWriteStream(temporary),
  );
  const hex = compressed.digest('hex');
  await rename(temporary, join(blobs, hex));
  const diffID = `sha256:${plain.digest('hex')}`;
  return { digest: `sha256:${hex}` as Digest, diffID, size: length };
}

/** Bytes that compress about as programs do: of every 4 kB, half is noise and half repeats. */
function* binaryLike(seed: string, size: number): Generator<Buffer> {
  const key = createHash('sha256').update(seed).digest();
  const noise = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const block = 64 * 1024;
  for (let offset = 0; offset < size; offset += block) {
    const bytes = noise.update(Buffer.alloc(Math.min(block, size - offset)));
    for (let page = 0; page + 4096 <= bytes.length; page += 4096) {
      bytes.copyWithin(page + 2048, page, page + 64);
      for (let copy = 64; copy < 2048; copy *= 2) {
        bytes.copyWithin(
          page + 2048 + copy,
          page + 2048,
          page + 2048 + Math.min(copy, 2048 - copy),
        );
      }
    }
    yield bytes;
  }
}

function watching(look: (chunk: Buffer) => unknown): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      look(chunk);
      done(null, chunk);
    },
  });
}
