import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { Readable } from 'node:stream';
import { chainIDOf, type ChainID, type Descriptor, type DiffID } from '../oci/index.js';
import { applyEntries } from './apply-entries.js';
import { magicLength } from './compression.js';
import { openBlob } from './disk-blobs.js';
import { DiskIngest } from './disk-ingest.js';
import { readLayer } from './disk-layer-record.js';
import type { DiskPlace } from './disk-place.js';
import { DiskStagedLayer, DiskStaging } from './disk-staging.js';
import { syncFolder, writeDurably } from './durable.js';
import { BlobNotFoundError, StoreError } from './errors.js';
import { fileBytes } from './file-bytes.js';
import { FileSharing } from './file-sharing.js';
import { Ingestion } from './ingestion.js';
import { decompressLayer } from './layer-tar.js';
import type { UnpackLimits } from './limits.js';
import type {
  AppliedFiles,
  ApplyFilesOptions,
  Layer,
  LayerIdentity,
  LayerIngest,
  LayerLease,
  LayerStore,
  StagedLayer,
} from './store.js';
import { StoredFiles } from './stored-files.js';
import { hasCode, onDisk } from './system-errors.js';

const noBarrier: DiskPlace['barrier'] = { pass: () => Promise.resolve() };

/** The layers of a store on disk. */
export class DiskLayers implements LayerStore {
  readonly #place: DiskPlace;

  constructor(place: DiskPlace) {
    this.#place = place;
  }

  get limits(): UnpackLimits {
    return this.#place.limits;
  }

  async acquire(chainID: ChainID): Promise<LayerLease | undefined> {
    const { layout, sessions } = this.#place;
    // One that isn't there needs no lease, which would cost a session.
    if ((await readLayer(layout, chainID)) === undefined) return undefined;
    const { end } = await sessions.lease({ kind: 'layer', digest: chainID });
    try {
      const layer = await readLayer(layout, chainID);
      if (layer !== undefined) return { layer: this.#readable(layer), release: end };
    } catch (error) {
      end();
      throw error;
    }
    end();
    return undefined;
  }

  async ingest(blob: Descriptor, signal: AbortSignal): Promise<LayerIngest> {
    return ingestInto(this.#place, blob, signal);
  }

  async register(staged: StagedLayer, parent: ChainID | undefined): Promise<LayerLease> {
    const chainID = chainIDOf(parent, staged.diffID);
    // Before it is there, so that no collection finds it without.
    const lease = await this.#place.sessions.lease({ kind: 'layer', digest: chainID });
    try {
      const layer = await this.#registered(staged, chainID, parent);
      return { layer: this.#readable(layer), release: lease.end };
    } catch (error) {
      lease.end();
      throw error;
    }
  }

  async applyFiles(
    { chainID }: Layer,
    root: string,
    { sharing, signal }: ApplyFilesOptions,
  ): Promise<AppliedFiles | undefined> {
    const folder = this.#place.layout.layer(chainID);
    const stored = new StoredFiles(folder);
    if (!(await stored.areIntact(signal))) return undefined;
    const files = new FileSharing(sharing);
    const options = { whiteouts: 'apply', signal, ...this.limits } as const;
    const applied = await applyEntries(stored.entries(), path.resolve(root), options, files);
    return { ...applied, files: files.files };
  }

  /**
   * Unpacks a blob that is here into the session. The caller discards or registers what comes.
   *
   * @param barrier `undefined` for what is only looked at and needn't outlast a crash.
   */
  async unpackAgain(
    blob: Descriptor,
    barrier: DiskPlace['barrier'] | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly staging: DiskStaging; readonly diffID: DiffID }> {
    const place = { ...this.#place, barrier: barrier ?? noBarrier };
    const ingest = await ingestInto(place, blob, signal);
    try {
      const staged = await ingest.complete(signal);
      const staging = staged instanceof DiskStagedLayer ? staged.take() : undefined;
      if (staging === undefined) throw new BlobNotFoundError(blob.digest);
      return { staging, diffID: staged.diffID };
    } finally {
      await ingest.close();
    }
  }

  #readable(layer: LayerIdentity): Layer {
    const { signal: never } = new AbortController();
    return { ...layer, tarStream: (signal = never) => this.#openTar(layer.blob, signal) };
  }

  async #openTar(blob: Descriptor, signal: AbortSignal): Promise<Readable> {
    const file = this.#place.layout.blob(blob.digest);
    return onDisk(file, async () => {
      const handle = await openBlob(file, blob.digest);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(magicLength), 0, magicLength, 0);
      const bytes = fileBytes(handle, { start: 0, signal });
      return decompressLayer(bytes, buffer.subarray(0, bytesRead), blob.mediaType);
    });
  }

  async #registered(
    staged: StagedLayer,
    chainID: ChainID,
    parent: ChainID | undefined,
  ): Promise<LayerIdentity> {
    const { layout } = this.#place;
    const known = await readLayer(layout, chainID);
    if (known !== undefined) return known;
    if (parent !== undefined && (await readLayer(layout, parent)) === undefined) {
      throw new StoreError(
        'ERR_STORE_NO_PARENT',
        layout.layer(parent),
        `The parent layer ${parent} isn't in the store`,
        'Register the layers of an image bottom-up, and keep the lease on each meanwhile.',
      );
    }
    const { blob, diffID, size } = staged;
    const layer: LayerIdentity = { chainID, diffID, parent, blob, size };
    await this.#publish(await this.#staging(staged), layer);
    return layer;
  }

  /** What was staged, for its first registration; unpacked again from the blob for any further. */
  async #staging(staged: StagedLayer): Promise<DiskStaging> {
    const first = staged instanceof DiskStagedLayer ? staged.take() : undefined;
    if (first !== undefined) return first;
    const { signal } = new AbortController();
    return (await this.unpackAgain(staged.blob, this.#place.barrier, signal)).staging;
  }

  /** Moves to its place what the barrier has put on the disk already. */
  async #publish(staging: DiskStaging, layer: LayerIdentity): Promise<void> {
    const folder = this.#place.layout.layer(layer.chainID);
    await onDisk(folder, async () => {
      try {
        const { omissions } = staging;
        const record = JSON.stringify({ ...layer, ...(omissions.length > 0 && { omissions }) });
        await writeDurably(path.join(staging.folder, 'layer.json'), `${record}\n`);
        await fs.rename(staging.folder, folder);
        await syncFolder(path.dirname(folder));
        staging.moved();
      } catch (error) {
        await staging.discard();
        // Another process has registered the same layer meanwhile.
        if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
      }
    });
  }
}

async function ingestInto(
  place: DiskPlace,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<Ingestion<StagedLayer>> {
  const stage = (): Promise<DiskStaging> => DiskStaging.open(place, blob);
  return Ingestion.open(blob, await DiskIngest.open(place, blob, stage, signal), signal, {
    turns: place.turns,
  });
}
