import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import {
  digestAlgorithm,
  digestHex,
  digestOf,
  isDigest,
  type ChainID,
  type Digest,
} from '../oci/index.js';
import { syncFolder, writeDurably } from './durable.js';
import { StoreError } from './errors.js';
import { makeFolder } from './make-folder.js';
import { hasCode, onDisk } from './system-errors.js';

const version = 1;
const layoutFile = 'rxfer-store.json';

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
    return path.join(this.partials, `${digestAlgorithm(digest)}-${digestHex(digest)}`);
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

  get partials(): string {
    return path.join(this.root, 'ingest');
  }

  get layers(): string {
    return path.join(this.root, 'layers', 'sha256');
  }

  /** What processes have under way. */
  get sessions(): string {
    return path.join(this.root, 'sessions');
  }

  /** What is to be removed, and belongs to nothing any more. */
  get trash(): string {
    return path.join(this.root, 'trash');
  }

  /** Locked by a process that collects garbage. */
  get collection(): string {
    return path.join(this.root, 'collection');
  }

  /** The folders of blobs, one an algorithm. */
  get blobs(): string[] {
    return ['sha256', 'sha512'].map((algorithm) => path.join(this.root, 'blobs', algorithm));
  }
}

/**
 * The digest that a file or folder of the store is named by: by its name within a folder named by
 * the algorithm, or by both in its name. `undefined` for what isn't named so.
 */
export function digestOfName(file: string): Digest | undefined {
  const name = path.basename(file);
  const text = name.includes('-')
    ? name.replace('-', ':')
    : `${path.basename(path.dirname(file))}:${name}`;
  return isDigest(text) ? text : undefined;
}

/**
 * Makes the folder a store, or checks that it is one that this version understands.
 *
 * @throws StoreError
 */
export async function prepareLayout(root: string): Promise<DiskLayout> {
  const layout = new DiskLayout(root);
  await onDisk(layout.root, async () => {
    for (const folder of await makeFolder(layout.root)) await syncFolderAbove(folder);
    const names = await fs.readdir(layout.root);
    if (names.includes(layoutFile)) await checkVersion(layout.root);
    else await found(layout, names);
  });
  return layout;
}

async function syncFolderAbove(folder: string): Promise<void> {
  try {
    await syncFolder(folder);
  } catch (error) {
    // One may be allowed to make folders in a folder, but not to read it.
    if (!hasCode(error, 'EACCES')) throw error;
  }
}

async function found(layout: DiskLayout, names: readonly string[]): Promise<void> {
  const { root, images, partials, layers, sessions, trash, blobs } = layout;
  const folders = [images, partials, layers, sessions, trash, ...blobs];
  const ours = new Set([layoutFile, ...folders.map((folder) => firstName(root, folder))]);
  // Another process may be about to make the same store.
  if (names.some((name) => !ours.has(name) && !name.startsWith(layoutFile))) {
    throw new StoreError(
      'ERR_STORE_FOREIGN',
      root,
      `${root} is not empty and not a store of rxfer`,
      'Choose an empty or new folder for the store.',
    );
  }
  for (const folder of folders) {
    await makeFolder(folder);
    await syncFolder(path.dirname(folder));
  }
  // Last, so that a store which has it has all else.
  await writeDurably(path.join(root, layoutFile), `${JSON.stringify({ version })}\n`);
}

function firstName(root: string, folder: string): string {
  return path.relative(root, folder).split(path.sep)[0] ?? '';
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
