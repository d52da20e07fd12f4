import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as v from 'valibot';
import { isDigest, type Digest } from '../oci/index.js';
import { sizeOf } from './file-size.js';
import type { DiskPlace } from './disk-place.js';
import { checkDocument } from './documents.js';
import { syncFolder, writeDurably } from './durable.js';
import { StoreError } from './errors.js';
import type { ImageDocument, ImageRecord, ImageRecords } from './store.js';
import { hasCode, onDisk } from './system-errors.js';

/** The image records of a store on disk: one file each, named by the hash of its reference. */
export class DiskImages implements ImageRecords {
  readonly #place: DiskPlace;

  constructor(place: DiskPlace) {
    this.#place = place;
  }

  get(reference: string): Promise<ImageRecord | undefined> {
    return readRecord(this.#place.layout.image(reference));
  }

  async list(): Promise<ImageRecord[]> {
    const records = await Promise.all((await this.files()).map((file) => readRecord(file)));
    return records
      .filter((record) => record !== undefined)
      .sort((a, b) => (a.reference < b.reference ? -1 : 1));
  }

  /** The files of all records, whole or damaged. */
  async files(): Promise<string[]> {
    const folder = this.#place.layout.images;
    const names = await onDisk(folder, () => fs.readdir(folder));
    return names.filter((name) => name.endsWith('.json')).map((name) => path.join(folder, name));
  }

  /** The record in a file. @throws StoreError when it is damaged. */
  read(file: string): Promise<ImageRecord | undefined> {
    return readRecord(file);
  }

  async put(record: ImageRecord, documents: readonly ImageDocument[]): Promise<void> {
    const { layout, sessions } = this.#place;
    const file = layout.image(record.reference);
    const session = await sessions.use();
    const uses = [session];
    try {
      for (const { digest, bytes } of documents) {
        uses.push(await sessions.lease({ kind: 'blob', digest }));
        await this.#keep(digest, bytes, session.folder);
      }
      await onDisk(file, () => writeDurably(file, `${JSON.stringify(record)}\n`, session.folder));
    } finally {
      for (const { end } of uses) end();
    }
  }

  async delete(reference: string): Promise<boolean> {
    const file = this.#place.layout.image(reference);
    return onDisk(file, async () => {
      try {
        await fs.rm(file);
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return false;
        throw error;
      }
      await syncFolder(path.dirname(file));
      return true;
    });
  }

  async #keep(digest: Digest, bytes: Uint8Array, folder: string): Promise<void> {
    checkDocument(digest, bytes);
    const file = this.#place.layout.blob(digest);
    await onDisk(file, async () => {
      if ((await sizeOf(file)) !== bytes.length) await writeDurably(file, bytes, folder);
    });
  }
}

const digest = v.custom<Digest>((input) => typeof input === 'string' && isDigest(input));
const schema = v.object({
  reference: v.string(),
  manifest: v.object({ mediaType: v.string(), digest, size: v.number() }),
  resolved: digest,
  created: v.string(),
});

async function readRecord(file: string): Promise<ImageRecord | undefined> {
  return onDisk(file, async () => {
    let text: string;
    try {
      text = await fs.readFile(file, 'utf8');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
    const outcome = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text);
    if (outcome.success) return outcome.output;
    throw new StoreError(
      'ERR_STORE_DAMAGED',
      file,
      `${file} is damaged`,
      'Remove it, or run rxfer verify --repair, and pull the image again.',
    );
  });
}
