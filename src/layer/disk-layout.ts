import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { digestAlgorithm, digestHex, digestOf, type ChainID, type Digest } from '../oci/index.js';
import { writeDurably } from './durable.js';
import { StoreError } from './errors.js';
import { tryLock } from './file-lock.js';
import { onDisk } from './system-errors.js';

const version = 1;
const layoutFile = 'rxfer-store.json';
const folders = ['blobs', 'ingest', 'staging', 'layers', 'images'] as const;

/** Where things are in a store's folder; docs/store.md describes it. */
export class DiskLayout {
  readonly root: string;

  constructor(root: string) {
    this.root = path.resolve(root);
  }

  /** A whole, verified blob. */
  blob(digest: Digest): string {
    return path.join(this.root, 'blobs', digestAlgorithm(digest), digestHex(digest));
  }

  /** The beginning of a blob that is on its way. */
  partial(digest: Digest): string {
    return path.join(this.root, 'ingest', `${digestAlgorithm(digest)}-${digestHex(digest)}`);
  }

  /** A registered layer's folder, with `layer.json` and `diff/`. */
  layer(chainID: ChainID): string {
    return path.join(this.root, 'layers', digestAlgorithm(chainID), digestHex(chainID));
  }

  /** The record of an image. */
  image(reference: string): string {
    return path.join(this.images, `${digestHex(digestOf(reference))}.json`);
  }

  get images(): string {
    return path.join(this.root, 'images');
  }

  get staging(): string {
    return path.join(this.root, 'staging');
  }
}

/**
 * Makes the folder a store, or checks that it is one that this version understands, and removes
 * what processes that are gone have left in the staging area.
 *
 * @throws StoreError
 */
export async function prepareLayout(root: string): Promise<DiskLayout> {
  const layout = new DiskLayout(root);
  await onDisk(layout.root, async () => {
    await fs.mkdir(layout.root, { recursive: true });
    const names = await fs.readdir(layout.root);
    if (names.includes(layoutFile)) await checkVersion(layout.root);
    else await found(layout.root, names);
    for (const folder of folders) {
      await fs.mkdir(path.join(layout.root, folder), { recursive: true });
    }
    await removeLeftovers(layout.staging);
  });
  return layout;
}

async function found(root: string, names: readonly string[]): Promise<void> {
  if (names.some((name) => !name.startsWith(layoutFile))) {
    throw new StoreError(
      'ERR_STORE_FOREIGN',
      root,
      `${root} is not empty and not a store of rxfer`,
      'Choose an empty or new folder for the store.',
    );
  }
  await writeDurably(path.join(root, layoutFile), `${JSON.stringify({ version })}\n`);
}

async function checkVersion(root: string): Promise<void> {
  const file = path.join(root, layoutFile);
  const text = await fs.readFile(file, 'utf8');
  const actual = versionOf(text);
  if (actual === version) return;
  throw new StoreError(
    'ERR_STORE_VERSION',
    root,
    `The store in ${root} has the layout version ${actual ?? 'unknown'}; this rxfer uses ${version}`,
    'Use the rxfer that made it, or choose another folder.',
  );
}

function versionOf(text: string): number | undefined {
  try {
    const { version: stated } = JSON.parse(text) as { version?: unknown };
    return typeof stated === 'number' ? stated : undefined;
  } catch {
    return undefined;
  }
}

async function removeLeftovers(staging: string): Promise<void> {
  const names = await fs.readdir(staging);
  for (const name of names.filter((other) => !other.endsWith('.lock'))) {
    const leftover = path.join(staging, name);
    const lock = await tryLock(leftover);
    if (lock === undefined) continue;
    await fs.rm(leftover, { recursive: true, force: true });
    await lock.unlock();
  }
}
