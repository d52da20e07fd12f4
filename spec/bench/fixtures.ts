import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { startDockerRegistry } from '../support/docker-registry.js';
import { run } from '../support/run.js';
import { debianLayers } from './debian-layers.js';
import { tarOf, writeLayout, type BenchFile } from './images.js';

/** Where images are kept between runs: RXFER_BENCH_CACHE, or a folder among the temporary ones. */
export const cacheFolder = process.env['RXFER_BENCH_CACHE'] ?? join(tmpdir(), 'rxfer-bench-cache');

/** The content of the registry that images are pulled from. */
export const registryData = join(cacheFolder, 'registry');

/** An image to measure with, in the registry's folder under `NAME:v1` and as an OCI layout. */
export interface BenchImage {
  readonly name: string;
  /** What it is, in words. */
  readonly title: string;
  readonly compression: 'gzip' | 'zstd';
  /** Of the manifest. */
  readonly digest: string;
  /** Digests of the layers, bottom-up, and their sizes in bytes. */
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
  /** Regular files in all layers. No layer replaces a file of another one. */
  readonly files: number;
  /** The layout's folder, tag `v1`. */
  readonly layout: string;
}

interface Recipe {
  readonly title: string;
  layers(): Iterable<Readable>;
}

const programs = Array.from({ length: 12 }, (_, index) => ({
  name: `usr/lib/program-${index}`,
  size: 20_000_000,
}));

const recipes: Readonly<Record<string, Recipe>> = {
  programs: { title: '12 layers of 20 MB', layers: () => programs.map((file) => tarOf([file])) },
  // The first one again, but for one layer.
  'programs-next': {
    title: '12 layers of 20 MB, one of them new',
    layers: () =>
      programs.map((file, index) =>
        tarOf([index === 9 ? { ...file, name: `${file.name}b` } : file]),
      ),
  },
  large: {
    title: '1 layer of 1 GB',
    layers: () => [tarOf([{ name: 'usr/lib/model', size: 1_000_000_000 }])],
  },
  'small-files': {
    title: '40 layers, 60,000 small files',
    layers: () =>
      Array.from({ length: 40 }, (_, index) => tarOf(smallFiles(`layer-${index}`, 1500))),
  },
  debian: { title: "files of this machine's Debian packages", layers: debianLayers },
};

/** The images that can be asked for, but for the one that another one is updated to. */
export const imageNames: readonly string[] = Object.keys(recipes)
  .filter((name) => name !== 'programs-next')
  .flatMap((name) => [name, `${name}-zstd`]);

/** Files as in a node_modules folder: 12 to a folder, from 200 B to 12 kB. */
export function* smallFiles(prefix: string, count: number): Generator<BenchFile> {
  for (let index = 0; index < count; index++) {
    const folder = `app/node_modules/${prefix}-package-${Math.floor(index / 12)}/lib`;
    yield { name: `${folder}/module-${index % 12}.js`, size: 200 + ((index * 7919) % 11_800) };
  }
}

/** The image of that name, made when it isn't there yet. Its makers hold the cache alone. */
export async function benchImage(name: string): Promise<BenchImage> {
  const plainName = name.replace(/-zstd$/, '');
  const recipe = recipes[plainName];
  if (recipe === undefined)
    throw new Error(`no image '${name}'; there are ${imageNames.join(', ')}`);
  return cachedImage(name, async (layout) => {
    if (name === plainName) await writeLayout(layout, recipe.layers());
    else await recompress((await benchImage(plainName)).layout, layout);
    return recipe.title;
  });
}

/** An image by its name in the cache; `write` writes its layout, tag `v1`, and returns its title. */
export async function cachedImage(
  name: string,
  write: (layout: string) => Promise<string>,
): Promise<BenchImage> {
  const folder = join(cacheFolder, 'images', name);
  const record = join(folder, 'image.json');
  if (!existsSync(record)) {
    console.error(`making ${name} …`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const layout = join(folder, 'layout');
    const title = await write(layout);
    const image = { name, title, layout, ...(await describe(layout)) } satisfies BenchImage;
    await publish(image);
    writeFileSync(`${record}.new`, JSON.stringify(image));
    renameSync(`${record}.new`, record);
  }
  return JSON.parse(readFileSync(record, 'utf8')) as BenchImage;
}

/** The same with its layers in zstd. */
async function recompress(from: string, to: string): Promise<void> {
  const plain = `${to}-plain`;
  // skopeo compresses what isn't: through a folder of plain tars.
  await run('skopeo', 'copy', '-q', '--dest-decompress', `oci:${from}:v1`, `dir:${plain}`);
  await run(
    'skopeo',
    'copy',
    '-q',
    '--dest-compress',
    '--dest-compress-format=zstd',
    `dir:${plain}`,
    `oci:${to}:v1`,
  );
  rmSync(plain, { recursive: true });
}

async function describe(
  layout: string,
): Promise<Pick<BenchImage, 'compression' | 'digest' | 'layers' | 'files'>> {
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as {
    manifests: readonly { digest: string }[];
  };
  const digest = index.manifests[0]?.digest ?? '';
  const bytes = readFileSync(blobFile(layout, digest));
  if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` !== digest) {
    throw new Error(`${layout} is damaged`);
  }
  const { layers } = JSON.parse(bytes.toString()) as {
    layers: readonly { mediaType: string; digest: string; size: number }[];
  };
  const compression = layers.every((layer) => layer.mediaType.endsWith('zstd')) ? 'zstd' : 'gzip';
  let files = 0;
  for (const layer of layers) {
    const list = `${decompressor(compression)} "$0" | tar -tv | grep -c "^[-h]"`;
    files += Number(await run('sh', '-c', list, blobFile(layout, layer.digest)));
  }
  return {
    compression,
    digest,
    files,
    layers: layers.map(({ digest, size }) => ({ digest, size })),
  };
}

/** A blob's file in an OCI layout. */
export function blobFile(layout: string, digest: string): string {
  return join(layout, 'blobs', ...digest.split(':'));
}

/** The plainest command that inflates a file to its standard output. */
export function decompressor(compression: BenchImage['compression']): string {
  return compression === 'zstd' ? 'zstd -dcq' : 'gzip -dc';
}

async function publish({ layout, name }: BenchImage): Promise<void> {
  const registry = await startDockerRegistry({ data: registryData });
  try {
    const to = `docker://${registry.host}/${name}:v1`;
    await run('skopeo', 'copy', '-q', '--dest-tls-verify=false', `oci:${layout}:v1`, to);
  } finally {
    await registry.stop();
  }
}
