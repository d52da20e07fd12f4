import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { chainIDOf, digestAlgorithm, type ChainID, type Digest } from '../oci/index.js';
import { RxferError } from '../transfer/index.js';
import { isInstalled, wanting } from './attribute-tools.js';
import { compareTrees } from './compare-trees.js';
import type { DiskImages } from './disk-images.js';
import { readLayer, type LayerRecord } from './disk-layer-record.js';
import type { DiskLayers } from './disk-layers.js';
import type { DiskLayout } from './disk-layout.js';
import { blobsIn, layersIn, partsOf, type ReferencedStore } from './disk-references.js';
import { areSameLists } from './entry-list.js';
import { InvalidLayerError, SizeMismatchError, StoreError } from './errors.js';
import { digestOfFile } from './file-digest.js';
import type { Damage, Verification } from './maintenance.js';
import type { BlobStore } from './store.js';
import { entryListIn, foldersWithEntry } from './stored-files.js';
import { hasCode, isSystemError } from './system-errors.js';

/** What is verified. */
export interface VerifiedStore extends ReferencedStore {
  readonly layers: DiskLayers;
  readonly images: DiskImages;
}

/** Looks at everything in a store, as StoreMaintenance.verify describes it, and removes nothing. */
export async function verify(store: VerifiedStore, signal: AbortSignal): Promise<Verification> {
  const check = new Check(store, signal);
  return check.run();
}

class Check {
  readonly #layout: DiskLayout;
  readonly #blobs: BlobStore;
  readonly #layers: DiskLayers;
  readonly #images: DiskImages;
  readonly #signal: AbortSignal;
  readonly #damages: Damage[] = [];
  readonly #damaged = new Set<Digest | ChainID>();

  constructor({ layout, blobs, layers, images }: VerifiedStore, signal: AbortSignal) {
    this.#layout = layout;
    this.#blobs = blobs;
    this.#layers = layers;
    this.#images = images;
    this.#signal = signal;
  }

  async run(): Promise<Verification> {
    const blobs = await blobsIn(this.#layout);
    for (const digest of blobs) await this.#blob(digest);
    const layers = await layersIn(this.#layout);
    for (const chainID of layers) await this.#layer(chainID);
    const files = await this.#images.files();
    const affected: string[] = [];
    for (const file of files) affected.push(...(await this.#image(file)));
    const checked = { blobs: blobs.length, layers: layers.length, images: files.length };
    const omissions =
      layers.length > 0 && !(await isInstalled('getfattr')) ? [wanting('getfattr')] : [];
    return { checked, damages: this.#damages, affected, omissions };
  }

  #found(kind: Damage['kind'], name: string, place: string, problem: string): void {
    this.#damages.push({ kind, name, path: place, problem, removed: false });
    if (kind !== 'image') this.#damaged.add(name as Digest | ChainID);
  }

  async #blob(digest: Digest): Promise<void> {
    const file = this.#layout.blob(digest);
    let actual: Digest;
    try {
      actual = await digestOfFile(file, digestAlgorithm(digest), this.#signal);
    } catch (error) {
      // Collected meanwhile.
      if (hasCode(error, 'ENOENT')) return;
      if (!hasCode(error, 'EIO')) throw error;
      this.#found('blob', digest, file, "it can't be read");
      return;
    }
    if (actual !== digest) this.#found('blob', digest, file, `its bytes have the digest ${actual}`);
  }

  async #layer(chainID: ChainID): Promise<void> {
    const folder = this.#layout.layer(chainID);
    try {
      // Leased, so that its parts stay while they are looked at.
      const lease = await this.#layers.acquire(chainID);
      try {
        const layer = await readLayer(this.#layout, chainID);
        const problem = layer && (await this.#problemOf(chainID, layer));
        if (problem !== undefined) this.#found('layer', chainID, folder, problem);
        if (layer === undefined && lease === undefined) await this.#withoutRecord(chainID, folder);
      } finally {
        lease?.release();
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#found('layer', chainID, folder, 'its layer.json is damaged');
    }
  }

  /** A folder that is there without a record, and wasn't collected meanwhile. */
  async #withoutRecord(chainID: ChainID, folder: string): Promise<void> {
    const still = (await layersIn(this.#layout)).includes(chainID);
    if (still) this.#found('layer', chainID, folder, 'it has no layer.json');
  }

  async #problemOf(chainID: ChainID, layer: LayerRecord): Promise<string | undefined> {
    const { parent, diffID, blob } = layer;
    if (layer.chainID !== chainID || chainIDOf(parent, diffID) !== chainID) {
      return 'its layer.json is that of another';
    }
    if (parent !== undefined && (await readLayer(this.#layout, parent)) === undefined) {
      return `its parent ${parent} is missing`;
    }
    if (this.#damaged.has(blob.digest)) return `its blob ${blob.digest} is damaged`;
    const size = await this.#blobs.size(blob.digest);
    if (size === undefined) return `its blob ${blob.digest} is missing`;
    if (size !== blob.size) return `its blob has ${size} bytes, not ${blob.size}`;
    return this.#compare(layer);
  }

  /** Unpacks the layer again, and looks whether that is what the store has. */
  async #compare(layer: LayerRecord): Promise<string | undefined> {
    const { staging, diffID } = await this.#layers.unpackAgain(layer.blob, undefined, this.#signal);
    try {
      if (diffID !== layer.diffID) return `its blob unpacks to ${diffID}`;
      // Another user, or another file system, can't do all that this one could.
      const alike = String(staging.omissions) === String(layer.omissions);
      const options = {
        owners: alike ? 'compare' : 'ignore',
        timedFolders: await foldersWithEntry(staging.folder),
        signal: this.#signal,
      } as const;
      const folder = this.#layout.layer(layer.chainID);
      const [expected, actual] = [path.join(staging.folder, 'diff'), path.join(folder, 'diff')];
      const difference = await compareTrees(expected, actual, options);
      if (difference !== undefined) return `of diff${difference}`;
      const isSame = await haveSameList(staging.folder, folder);
      return isSame ? undefined : 'its list of entries is damaged';
    } finally {
      await staging.discard();
    }
  }

  /** The reference of an image that something is wrong with. */
  async #image(file: string): Promise<string[]> {
    try {
      const record = await this.#images.read(file);
      if (record === undefined) return [];
      const problem = await this.#partsProblem(record);
      // Deleted meanwhile, and its parts with it.
      if (problem === undefined || (await this.#images.read(file)) === undefined) return [];
      this.#found('image', record.reference, file, problem);
      return [record.reference];
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#found('image', path.basename(file), file, 'its record is damaged');
      return [];
    }
  }

  async #partsProblem(record: Parameters<typeof partsOf>[1]): Promise<string | undefined> {
    let parts;
    try {
      parts = await partsOf(
        { layout: this.#layout, blobs: this.#blobs, images: this.#images },
        record,
      );
    } catch (error) {
      if (!(error instanceof RxferError)) throw error;
      return `its documents can't be read: ${error.message}`;
    }
    for (const digest of parts.blobs) {
      if (this.#damaged.has(digest)) return `its blob ${digest} is damaged`;
      if ((await this.#blobs.size(digest)) === undefined) return `its blob ${digest} is missing`;
    }
    for (const chainID of parts.layers) {
      if (this.#damaged.has(chainID)) return `its layer ${chainID} is damaged`;
      const layer = await readLayer(this.#layout, chainID);
      if (layer === undefined) return `its layer ${chainID} is missing`;
    }
    return undefined;
  }
}

/** A layer of former versions has none, and needs none. */
async function haveSameList(expected: string, actual: string): Promise<boolean> {
  const [one, other] = [entryListIn(expected), entryListIn(actual)];
  if (!existsSync(other)) return true;
  try {
    return existsSync(one) && (await areSameLists(one, other));
  } catch (error) {
    if (isSystemError(error)) throw error;
    return false;
  }
}

function isDamage(error: unknown): boolean {
  if (error instanceof StoreError) return error.code === 'ERR_STORE_DAMAGED';
  return error instanceof InvalidLayerError || error instanceof SizeMismatchError;
}
