import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { Readable } from 'node:stream';
import { fileBytes, makeFolder, storeError } from '../layer/index.js';
import {
  digestAlgorithm,
  digestHex,
  mediaTypes,
  parseIndex,
  type BlobBody,
  type BlobRequest,
  type Descriptor,
  type Digest,
} from '../oci/index.js';
import type { FetchedManifest } from '../registry/index.js';
import { FolderError } from './errors.js';
import { chooseByTag, layoutVersion, nameAnnotation, referrerEntry } from './layout-index.js';
import { LayoutReferrers } from './layout-referrers.js';
import { readDocument } from './read-document.js';
import type { ImageSource, ImageTarget, WriteOptions } from './seams.js';
import { writeVerified } from './write-verified.js';

/** An image in an OCI image layout (OCI image spec, image-layout.md), to be read or written. */
export class OciLayout implements ImageSource, ImageTarget {
  readonly #folder: string;
  readonly #tag: string | undefined;
  readonly repository = undefined;
  readonly verifies = true;
  readonly #referrers: LayoutReferrers;
  readonly #prepared = new Map<string, Promise<void>>();

  constructor(folder: string, tag: string | undefined) {
    this.#folder = path.resolve(folder);
    this.#tag = tag;
    this.#referrers = new LayoutReferrers({
      name: this.name,
      entries: async () => (await this.#entries()) ?? [],
      manifest: (descriptor, signal) => this.manifest(descriptor, signal),
    });
  }

  get name(): string {
    return `oci:${this.#folder}${this.#tag === undefined ? '' : `:${this.#tag}`}`;
  }

  get key(): string {
    return `oci:${this.#folder}`;
  }

  async root(signal: AbortSignal): Promise<FetchedManifest> {
    const entries = await this.#entries();
    if (entries === undefined) {
      throw new FolderError(this.#folder, 'is not an OCI image layout', {
        hint: 'It has no index.json.',
      });
    }
    const isPlain = this.#tag !== undefined || entries.length === 1;
    const images = isPlain ? entries : await this.#referrers.without(entries, signal);
    const descriptor = chooseByTag(images, this.#tag, this.#folder);
    return { descriptor, bytes: await this.manifest(descriptor, signal) };
  }

  manifest(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
    return readDocument(descriptor, () => this.blob(descriptor, { offset: 0, signal }));
  }

  referrers(subject: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    return this.#referrers.of(subject, signal);
  }

  async blob({ digest }: Descriptor, { offset, signal }: BlobRequest): Promise<BlobBody> {
    const file = this.#blob(digest);
    await fs.access(file).catch((error: unknown) => {
      throw new FolderError(this.#folder, `lacks the blob ${digest}`, {
        hint: 'Write it anew.',
        digest,
        cause: error,
      });
    });
    return { stream: fileBytes(file, { start: offset, signal }), offset, resumable: true };
  }

  async has({ digest, size }: Descriptor): Promise<boolean> {
    const there = await fs.stat(this.#blob(digest)).catch(() => undefined);
    return there?.size === size;
  }

  mount(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async write(
    blob: Descriptor,
    open: (offset: number) => Promise<Readable>,
    options: WriteOptions,
  ): Promise<'uploaded'> {
    const file = this.#blob(blob.digest);
    const temporary = `${file}.${randomUUID()}.tmp`;
    try {
      const source = await this.#open(open, blob.digest);
      await writeVerified(source, { ...options, blob, file: temporary });
      await fs.rename(temporary, file);
      return 'uploaded';
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw storeError(error, this.#folder);
    }
  }

  /** A blob's bytes, asked for while the folder for them is made. */
  async #open(open: (offset: number) => Promise<Readable>, digest: Digest): Promise<Readable> {
    const source = open(0);
    // It may fail before anybody awaits it.
    source.catch(() => undefined);
    try {
      await this.#prepare(digest);
    } catch (error) {
      source.then((bytes) => bytes.destroy()).catch(() => undefined);
      throw error;
    }
    return source;
  }

  async keep({ descriptor, bytes }: FetchedManifest): Promise<void> {
    await this.#prepare(descriptor.digest);
    await this.#replace(this.#blob(descriptor.digest), bytes);
  }

  /** Listed in index.json, where whoever looks for referrers finds the subject in the manifest. */
  async refer(manifest: FetchedManifest): Promise<void> {
    await this.keep(manifest);
    const entry = referrerEntry(manifest);
    await this.#list(
      entry,
      ({ digest, annotations }) =>
        digest !== entry.digest || annotations?.[nameAnnotation] !== undefined,
    );
  }

  async finish({ descriptor, bytes }: FetchedManifest): Promise<void> {
    await this.keep({ descriptor, bytes });
    const { mediaType, digest, size } = descriptor;
    const named = this.#tag === undefined ? {} : { annotations: { [nameAnnotation]: this.#tag } };
    await this.#list({ mediaType, digest, size, ...named }, (other) => {
      const name = other.annotations?.[nameAnnotation];
      return this.#tag === undefined
        ? other.digest !== digest || name !== undefined
        : name !== this.#tag;
    });
  }

  /** Puts an entry in index.json, beside those others that stay. */
  async #list(entry: Descriptor, stays: (other: Descriptor) => boolean): Promise<void> {
    const others = ((await this.#entries()) ?? []).filter(stays);
    const manifests = [...others, entry];
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    await this.#replace(path.join(this.#folder, 'index.json'), `${JSON.stringify(index)}\n`);
  }

  /** Makes the folder a layout with a folder for such a blob, once for all that is written to it. */
  #prepare(digest: Digest): Promise<void> {
    const algorithm = digestAlgorithm(digest);
    const known = this.#prepared.get(algorithm);
    if (known !== undefined) return known;
    const prepared = this.#found()
      .then(() => fs.mkdir(path.dirname(this.#blob(digest)), { recursive: true }))
      .then(() => undefined)
      .catch((error: unknown) => {
        this.#prepared.delete(algorithm);
        throw storeError(error, this.#folder);
      });
    this.#prepared.set(algorithm, prepared);
    return prepared;
  }

  async #found(): Promise<void> {
    const file = path.join(this.#folder, 'oci-layout');
    const there = await fs.readFile(file, 'utf8').catch(() => undefined);
    if (there !== undefined) return;
    await makeFolder(this.#folder);
    if ((await fs.readdir(this.#folder)).some((name) => !/^(?:blobs|oci-layout.*)$/.test(name))) {
      throw new FolderError(this.#folder, 'is not empty and not an OCI image layout', {
        hint: 'Choose an empty or new folder.',
      });
    }
    await this.#replace(file, JSON.stringify({ imageLayoutVersion: layoutVersion }));
  }

  /** Gives a file its bytes at once, unless it has them already. */
  async #replace(file: string, bytes: Uint8Array | string): Promise<void> {
    const wanted = Buffer.from(bytes);
    const there = await fs.stat(file).catch(() => undefined);
    // Of what else may be there, of whatever size, nothing is read.
    if (there?.size === wanted.length) {
      const old = await fs.readFile(file).catch(() => undefined);
      if (old?.equals(wanted) === true) return;
    }
    const temporary = `${file}.${randomUUID()}.tmp`;
    try {
      await fs.writeFile(temporary, wanted, { flag: 'wx', flush: true });
      await fs.rename(temporary, file);
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw storeError(error, this.#folder);
    }
  }

  async #entries(): Promise<readonly Descriptor[] | undefined> {
    const bytes = await fs.readFile(path.join(this.#folder, 'index.json')).catch(() => undefined);
    return bytes === undefined ? undefined : parseIndex(bytes).manifests;
  }

  #blob(digest: Digest): string {
    return path.join(this.#folder, 'blobs', digestAlgorithm(digest), digestHex(digest));
  }
}
