import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { SchedulerLike } from 'rxjs';
import * as v from 'valibot';
import {
  chainIDOf,
  isDigest,
  type ChainID,
  type Descriptor,
  type DiffID,
  type Digest,
} from '../oci/index.js';
import { magicLength } from './compression.js';
import { DiskIngest } from './disk-ingest.js';
import type { DiskLayout } from './disk-layout.js';
import { DiskStagedLayer, type DiskStaging } from './disk-staging.js';
import { syncFolder, writeDurably } from './durable.js';
import { BlobNotFoundError, StoreError } from './errors.js';
import { HeldLayers } from './held-layers.js';
import { Ingestion } from './ingestion.js';
import { decompressLayer } from './layer-tar.js';
import type { Layer, LayerIngest, LayerLease, LayerStore, StagedLayer } from './store.js';
import { hasCode, onDisk } from './system-errors.js';

/** The layers of a store on disk. */
export class DiskLayers implements LayerStore {
  readonly #layout: DiskLayout;
  readonly #scheduler: SchedulerLike;
  readonly #held = new HeldLayers();

  constructor(layout: DiskLayout, scheduler: SchedulerLike) {
    this.#layout = layout;
    this.#scheduler = scheduler;
  }

  async acquire(chainID: ChainID): Promise<LayerLease | undefined> {
    const layer = await this.#read(chainID);
    return layer === undefined ? undefined : this.#held.lease(layer);
  }

  async ingest(blob: Descriptor, signal: AbortSignal): Promise<LayerIngest> {
    const backend = await DiskIngest.open(this.#layout, blob, signal, this.#scheduler);
    return Ingestion.open(blob, backend, signal);
  }

  async register(staged: StagedLayer, parent: ChainID | undefined): Promise<LayerLease> {
    const chainID = chainIDOf(parent, staged.diffID);
    const known = await this.acquire(chainID);
    if (known !== undefined) return known;
    if (parent !== undefined && (await this.#read(parent)) === undefined) {
      throw new StoreError(
        'ERR_STORE_NO_PARENT',
        this.#layout.layer(parent),
        `The parent layer ${parent} isn't in the store`,
        'Register the layers of an image bottom-up, and keep the lease on each meanwhile.',
      );
    }
    const { blob, diffID, size } = staged;
    const layer: Layer = { chainID, diffID, parent, blob, size };
    await this.#publish(await this.#staging(staged), layer);
    return this.#held.lease(layer);
  }

  async openTar({ blob }: Layer, signal: AbortSignal): Promise<Readable> {
    const file = this.#layout.blob(blob.digest);
    return onDisk(file, async () => {
      const handle = await openBlob(file, blob.digest);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(magicLength), 0, magicLength, 0);
      const bytes = handle.createReadStream({ start: 0, highWaterMark: 256 * 1024, signal });
      return decompressLayer(bytes, buffer.subarray(0, bytesRead), blob.mediaType);
    });
  }

  /** What was staged, for its first registration; unpacked again from the blob for any further. */
  async #staging(staged: StagedLayer): Promise<DiskStaging> {
    const first = staged instanceof DiskStagedLayer ? staged.take() : undefined;
    if (first !== undefined) return first;
    const { signal } = new AbortController();
    const ingest = await this.ingest(staged.blob, signal);
    try {
      const again = await ingest.complete(signal);
      const staging = again instanceof DiskStagedLayer ? again.take() : undefined;
      if (staging === undefined) throw new BlobNotFoundError(staged.blob.digest);
      return staging;
    } finally {
      await ingest.close();
    }
  }

  async #publish(staging: DiskStaging, layer: Layer): Promise<void> {
    const folder = this.#layout.layer(layer.chainID);
    await onDisk(folder, async () => {
      try {
        const { omissions } = staging;
        const record = JSON.stringify({ ...layer, ...(omissions.length > 0 && { omissions }) });
        await writeDurably(path.join(staging.folder, 'layer.json'), `${record}\n`);
        await syncFiles(staging.folder);
        await fs.mkdir(path.dirname(folder), { recursive: true });
        await fs.rename(staging.folder, folder);
        await syncFolder(path.dirname(folder));
        await staging.moved();
      } catch (error) {
        await staging.discard();
        // Another process has registered the same layer meanwhile.
        if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
      }
    });
  }

  async #read(chainID: ChainID): Promise<Layer | undefined> {
    const file = path.join(this.#layout.layer(chainID), 'layer.json');
    return onDisk(file, async () => {
      try {
        return parseLayer(file, await fs.readFile(file, 'utf8'));
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return undefined;
        throw error;
      }
    });
  }
}

/** Opens a whole blob's file. @throws BlobNotFoundError */
export async function openBlob(file: string, digest: Digest): Promise<fs.FileHandle> {
  try {
    return await fs.open(file, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new BlobNotFoundError(digest);
    throw error;
  }
}

/**
 * Has everything below the folder written out before the rename that publishes it: one barrier
 * for the whole file system, where a sync of each of thousands of files would take minutes.
 */
async function syncFiles(folder: string): Promise<void> {
  await promisify(execFile)('sync', ['-f', '--', folder]);
}

const digest = v.custom<Digest>((input) => typeof input === 'string' && isDigest(input));
const record = v.object({
  chainID: digest,
  diffID: digest,
  parent: v.optional(digest),
  size: v.number(),
  blob: v.object({ mediaType: v.string(), digest, size: v.number() }),
});

function parseLayer(file: string, text: string): Layer {
  const outcome = v.safeParse(v.pipe(v.string(), v.parseJson(), record), text);
  if (!outcome.success) {
    throw new StoreError(
      'ERR_STORE_DAMAGED',
      file,
      `${file} is damaged`,
      'Remove the folder it is in and pull the image again.',
    );
  }
  const { chainID, diffID, parent, blob, size } = outcome.output;
  return {
    chainID: chainID as string as ChainID,
    diffID: diffID as string as DiffID,
    parent: parent as string | undefined as ChainID | undefined,
    blob,
    size,
  };
}
