import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../support/run.js';
import { startContainerd } from './containerd.js';
import { blobFile, type BenchImage } from './fixtures.js';
import { measure, rxferCommand, type Cost } from './processes.js';

/** What one run works with. */
export interface Attempt {
  readonly image: BenchImage;
  /** The registry that the image is on, as `NAME:v1`, or that it is to be pushed to. */
  readonly host: string;
  /** An empty folder, removed after the run. */
  readonly folder: string;
  /** The image that is there already, on the same registry. Undefined: nothing is there. */
  readonly before: BenchImage | undefined;
}

/** One way of doing a scenario's work. */
export interface Contestant {
  readonly name: string;
  /** The programs it takes. */
  readonly needs: readonly string[];
  /** What rxfer's ways are compared with; for others, nothing. */
  readonly against?: readonly string[];
  /** Why it has to stay out of this one, if so. */
  excuse?(image: BenchImage): string | undefined;
  /** Does the work once, checks that it is whole, and returns what the work has cost. */
  run(attempt: Attempt): Promise<Cost>;
}

const quiet = ['--progress', 'none'];

/** Copies to an OCI layout with rxfer. */
export async function rxferToLayout(attempt: Attempt): Promise<Cost> {
  const layout = join(attempt.folder, 'layout');
  const store = ['--store', join(attempt.folder, 'store')];
  const copy = (image: BenchImage): Promise<Cost> =>
    measure([
      ...rxferCommand,
      'copy',
      source(attempt, image),
      `oci:${layout}:v1`,
      ...quiet,
      ...store,
    ]);
  return lastOf(attempt, copy, () => checkLayout(layout, attempt.image));
}

/** Copies to an OCI layout with skopeo. */
export async function skopeoToLayout(attempt: Attempt): Promise<Cost> {
  const layout = join(attempt.folder, 'layout');
  const copy = (image: BenchImage): Promise<Cost> =>
    measure(skopeoPull(source(attempt, image), layout));
  return lastOf(attempt, copy, () => checkLayout(layout, attempt.image));
}

/** Pulls into rxfer's store: blobs, and layers unpacked. */
export async function rxferPull(attempt: Attempt): Promise<Cost> {
  const store = join(attempt.folder, 'store');
  const pull = (image: BenchImage): Promise<Cost> =>
    measure([...rxferCommand, 'pull', source(attempt, image), ...quiet, '--store', store]);
  return lastOf(attempt, pull, () => checkFiles(join(store, 'layers'), attempt.image));
}

/** Pulls into rxfer's store and makes a root file system. */
export function rxferPullAndUnpack(...unpackOptions: string[]) {
  return async ({ image, host, folder }: Attempt): Promise<Cost> => {
    const rootfs = join(folder, 'rootfs');
    const store = ['--store', join(folder, 'store')];
    const reference = `${host}/${image.name}:v1`;
    const pull = [...rxferCommand, 'pull', reference, ...quiet, ...store];
    const unpack = [...rxferCommand, 'unpack', reference, rootfs, ...unpackOptions];
    const cost = await measure(shell(pull, [...unpack, ...quiet, ...store]));
    await checkFiles(rootfs, image);
    return cost;
  };
}

/** Makes a root file system from the registry, with nothing kept in between. */
export async function rxferUnpack({ image, host, folder }: Attempt): Promise<Cost> {
  const rootfs = join(folder, 'rootfs');
  const from = `docker://${host}/${image.name}:v1`;
  const store = ['--store', join(folder, 'store')];
  const cost = await measure([...rxferCommand, 'unpack', from, rootfs, ...quiet, ...store]);
  await checkFiles(rootfs, image);
  return cost;
}

/** Copies with skopeo and makes a root file system with umoci. */
export async function skopeoAndUmoci({ image, host, folder }: Attempt): Promise<Cost> {
  const layout = join(folder, 'layout');
  const bundle = join(folder, 'bundle');
  const copy = skopeoPull(`${host}/${image.name}:v1`, layout);
  const unpack = ['umoci', '--log=error', 'unpack', '--image', `${layout}:v1`, bundle];
  const cost = await measure(shell(copy, unpack));
  await checkFiles(join(bundle, 'rootfs'), image);
  return cost;
}

/** Pulls with podman, which has a store of its own for each run. */
export async function podmanPull(attempt: Attempt): Promise<Cost> {
  const root = join(attempt.folder, 'podman');
  const podman = ['podman', '--root', root, '--runroot', `${root}-run`, '--storage-driver=overlay'];
  const pull = (image: BenchImage): Promise<Cost> =>
    measure([...podman, 'pull', '-q', '--tls-verify=false', source(attempt, image)]);
  try {
    return await lastOf(attempt, pull, () => checkFiles(join(root, 'overlay'), attempt.image));
  } finally {
    // It keeps its folder mounted upon itself.
    await run('umount', join(root, 'overlay')).catch(() => undefined);
  }
}

/** Pulls with containerd and unpacks into snapshots for overlayfs. */
export async function ctrPull(attempt: Attempt): Promise<Cost> {
  const containerd = await startContainerd(attempt.folder);
  try {
    const pull = (image: BenchImage): Promise<Cost> =>
      containerd.ctr(
        ...['images', 'pull', '--plain-http', '--snapshotter', 'overlayfs'],
        source(attempt, image),
      );
    const snapshots = join(containerd.root, 'io.containerd.snapshotter.v1.overlayfs');
    return await lastOf(attempt, pull, () => checkFiles(snapshots, attempt.image));
  } finally {
    await containerd.stop();
  }
}

/** Fetches an image's content with containerd. */
export async function ctrFetch(attempt: Attempt): Promise<Cost> {
  const containerd = await startContainerd(attempt.folder);
  try {
    const fetch = (image: BenchImage): Promise<Cost> =>
      containerd.ctr('content', 'fetch', '--plain-http', source(attempt, image));
    const content = join(containerd.root, 'io.containerd.content.v1.content');
    return await lastOf(attempt, fetch, () => checkBlobs(content, attempt.image));
  } finally {
    await containerd.stop();
  }
}

/** Pushes an OCI layout with rxfer. */
export async function rxferPush({ image, host, folder }: Attempt): Promise<Cost> {
  const store = ['--store', join(folder, 'store')];
  const to = `${host}/${image.name}:v1`;
  const from = `oci:${image.layout}:v1`;
  const cost = await measure([...rxferCommand, 'copy', from, to, ...quiet, ...store]);
  await checkPushed(to, image);
  return cost;
}

/** Pushes an OCI layout with skopeo. */
export async function skopeoPush({ image, host }: Attempt): Promise<Cost> {
  const to = `${host}/${image.name}:v1`;
  const from = `oci:${image.layout}:v1`;
  const options = ['-q', '--dest-tls-verify=false'];
  const cost = await measure(['skopeo', 'copy', ...options, from, `docker://${to}`]);
  await checkPushed(to, image);
  return cost;
}

/** Does it with what is there before, if anything, and then with the image, and checks that. */
async function lastOf(
  { image, before }: Attempt,
  work: (image: BenchImage) => Promise<Cost>,
  check: () => void | Promise<void>,
): Promise<Cost> {
  if (before !== undefined) {
    await work(before);
    await run('sync');
  }
  const cost = await work(image);
  await check();
  return cost;
}

function source({ host }: Attempt, image: BenchImage): string {
  return `${host}/${image.name}:v1`;
}

function skopeoPull(reference: string, layout: string): string[] {
  const from = `docker://${reference}`;
  return ['skopeo', 'copy', '-q', '--src-tls-verify=false', from, `oci:${layout}:v1`];
}

/** Two commands, the second when the first has done its work. */
function shell(first: readonly string[], second: readonly string[]): string[] {
  return ['sh', '-c', `${quoted(first)} && ${quoted(second)}`];
}

function quoted(command: readonly string[]): string {
  return command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
}

async function checkLayout(layout: string, image: BenchImage): Promise<void> {
  const index = await readFile(join(layout, 'index.json'), 'utf8');
  if (!index.includes(image.digest)) throw new Error(`${layout} lacks ${image.digest}`);
  checkBlobs(layout, image);
}

/** Whether a folder holds at least the image's files, wherever in it. */
async function checkFiles(folder: string, image: BenchImage): Promise<void> {
  const count = Number(await run('sh', '-c', 'find "$0" -type f | wc -l', folder));
  if (count < image.files) {
    throw new Error(`${folder} has ${count} of the ${image.files} files of ${image.name}`);
  }
}

/** Whether a folder holds the image's blobs, with the digests as names. */
function checkBlobs(folder: string, image: BenchImage): void {
  for (const { digest, size } of image.layers) {
    const file = blobFile(folder, digest);
    if (!existsSync(file) || statSync(file).size !== size) {
      throw new Error(`${folder} lacks ${digest}`);
    }
  }
}

async function checkPushed(reference: string, image: BenchImage): Promise<void> {
  const [host = '', name = ''] = reference.replace(/:v1$/, '').split('/');
  const accept = { accept: 'application/vnd.oci.image.manifest.v1+json' };
  const manifest = await fetch(`http://${host}/v2/${name}/manifests/v1`, { headers: accept });
  const digest = manifest.headers.get('docker-content-digest');
  await manifest.arrayBuffer();
  if (digest !== image.digest) throw new Error(`${reference} is ${digest ?? 'not there'}`);
  for (const layer of image.layers) {
    const blob = await fetch(`http://${host}/v2/${name}/blobs/${layer.digest}`, { method: 'HEAD' });
    if (blob.headers.get('content-length') !== String(layer.size)) {
      throw new Error(`${host} lacks ${layer.digest}`);
    }
  }
}
