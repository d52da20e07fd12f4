import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { isOnPath } from '../support/peers.js';
import { run } from '../support/run.js';
import type { Attempt, Contestant } from './contestants.js';
import { blobFile, cacheFolder, decompressor, type BenchImage } from './fixtures.js';
import { measure, sumOf, type Cost } from './processes.js';

/**
 * What the plainest programs take for the parts of the work on the same bytes, one part after the
 * other, and their sum with the quickest inflater there is.
 */
export const floor: readonly Contestant[] = [
  { name: 'curl to /dev/null', needs: ['curl'], run: download },
  { name: 'sha256sum', needs: ['sha256sum'], run: hash },
  inflater('pigz -dc', 'gzip'),
  inflater('igzip -dc', 'gzip'),
  inflater('zstd -dcq', 'zstd'),
  { name: 'tar -x', needs: ['tar'], run: extract },
  {
    name: 'the floor: their sum',
    needs: ['curl', 'sha256sum', 'tar'],
    run: async (attempt) =>
      sumOf([
        await download(attempt),
        await hash(attempt),
        await inflate(attempt, quickestInflater(attempt.image)),
        await extract(attempt),
      ]),
  },
];

async function download({ host, image }: Attempt): Promise<Cost> {
  const urls = image.layers.flatMap(({ digest }) => [
    '-o',
    '/dev/null',
    `http://${host}/v2/${image.name}/blobs/${digest}`,
  ]);
  return measure(['curl', '-sS', '--fail', ...urls]);
}

async function hash({ image }: Attempt): Promise<Cost> {
  return measure(['sha256sum', ...blobsOf(image)]);
}

async function inflate({ image }: Attempt, command: string): Promise<Cost> {
  return measure([
    'sh',
    '-c',
    `for f; do ${command} "$f" || exit 1; done`,
    'sh',
    ...blobsOf(image),
  ]);
}

async function extract({ image, folder }: Attempt): Promise<Cost> {
  const to = join(folder, 'rootfs');
  const tars = await plainTars(image);
  mkdirSync(to, { recursive: true });
  return measure([
    'sh',
    '-ec',
    'd=$1; shift; for f; do tar -xf "$f" -C "$d"; done',
    'sh',
    to,
    ...tars,
  ]);
}

function inflater(name: string, compression: BenchImage['compression']): Contestant {
  return {
    name,
    needs: name.split(' ').slice(0, 1),
    excuse: (image) =>
      image.compression === compression ? undefined : `doesn't read ${image.compression}`,
    run: (attempt) => inflate(attempt, name),
  };
}

function quickestInflater({ compression }: BenchImage): string {
  return compression === 'gzip' && isOnPath('igzip') ? 'igzip -dc' : decompressor(compression);
}

function blobsOf({ layout, layers }: BenchImage): string[] {
  return layers.map(({ digest }) => blobFile(layout, digest));
}

/** The layers inflated, kept in the cache. */
async function plainTars(image: BenchImage): Promise<string[]> {
  const folder = join(cacheFolder, 'plain', image.name);
  if (!existsSync(folder)) {
    mkdirSync(`${folder}.new`, { recursive: true });
    for (const [index, blob] of blobsOf(image).entries()) {
      const script = `${decompressor(image.compression)} "$0" > "$1"`;
      await run('sh', '-c', script, blob, join(`${folder}.new`, `${index}.tar`));
    }
    renameSync(`${folder}.new`, folder);
  }
  return image.layers.map((_, index) => join(folder, `${index}.tar`));
}
