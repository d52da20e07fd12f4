import * as path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DiffIDMismatchError, layerFault, Unpacking } from '../layer/index.js';
import {
  digestHex,
  familiarReference,
  layerCompression,
  parseConfig,
  parseManifest,
  type Descriptor,
  type Digest,
  type DiffID,
  type Reference,
} from '../oci/index.js';
import type { FetchedManifest, UploadOptions } from '../registry/index.js';
import { ArchiveWriter } from './archive-writer.js';
import { NotAnImageError } from './errors.js';
import type { ImageTarget } from './seams.js';
import { VerifyingStream } from './verifying-stream.js';

/** An image in an archive that `docker load` reads, to be written anew. */
export class DockerArchiveTarget implements ImageTarget {
  readonly verifies = true;
  readonly #file: string;
  readonly #reference: Reference | undefined;
  readonly #writer: ArchiveWriter;
  readonly #layers = new Map<Digest, DiffID>();
  #config: { readonly digest: Digest; readonly bytes: Buffer } | undefined;

  constructor(file: string, reference: Reference | undefined) {
    this.#file = path.resolve(file);
    this.#reference = reference;
    this.#writer = new ArchiveWriter(this.#file);
  }

  get key(): string {
    return `docker-archive:${this.#file}`;
  }

  has({ digest }: Descriptor): Promise<boolean> {
    return Promise.resolve(this.#layers.has(digest));
  }

  mount(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async write(
    blob: Descriptor,
    open: (offset: number) => Promise<Readable>,
    options: UploadOptions,
  ): Promise<'uploaded'> {
    if (layerCompression(blob.mediaType) === undefined) await this.#keepConfig(blob, open, options);
    else await this.#writeLayer(blob, open, options);
    return 'uploaded';
  }

  keep(): Promise<void> {
    const problem = 'an archive for docker load holds no index';
    return Promise.reject(new NotAnImageError(this.key, problem));
  }

  refer(): Promise<void> {
    const problem = 'an archive for docker load holds no referrers';
    return Promise.reject(new NotAnImageError(this.key, problem));
  }

  async finish({ bytes }: FetchedManifest): Promise<void> {
    const { layers } = parseManifest(bytes);
    const config = this.#config;
    if (config === undefined) throw new NotAnImageError(this.key, 'it has no configuration');
    const { diffIDs } = parseConfig(config.bytes).rootFS;
    const names = layers.map(({ digest }, index) => {
      const [expected, actual] = [diffIDs[index], this.#layers.get(digest)];
      if (expected === undefined || actual === undefined) {
        throw new NotAnImageError(this.key, `the layer ${digest} has no diffID`);
      }
      if (expected !== actual) throw new DiffIDMismatchError(digest, expected, actual);
      return layerName(actual);
    });
    const configName = `${digestHex(config.digest)}.json`;
    const tags = this.#reference === undefined ? [] : [familiarReference(this.#reference)];
    const saved = [{ Config: configName, RepoTags: tags, Layers: names }];
    await this.#writer.addBytes(configName, config.bytes);
    await this.#writer.addBytes('manifest.json', JSON.stringify(saved));
    await this.#writer.finish();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  async #keepConfig(
    blob: Descriptor,
    open: (offset: number) => Promise<Readable>,
    { signal, onProgress }: UploadOptions,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    const take = async (source: AsyncIterable<Buffer>): Promise<void> => {
      for await (const chunk of source) chunks.push(chunk);
    };
    await pipeline(await open(0), new VerifyingStream(blob, onProgress), take, { signal });
    this.#config = { digest: blob.digest, bytes: Buffer.concat(chunks) };
  }

  /** Layers are uncompressed there, and named by what they are then. */
  async #writeLayer(
    blob: Descriptor,
    open: (offset: number) => Promise<Readable>,
    { signal, onProgress }: UploadOptions,
  ): Promise<void> {
    const { diffID } = await this.#writer.add(async (sink) => {
      const unpacking = new Unpacking(blob, async (tar) => {
        try {
          for await (const chunk of tar as AsyncIterable<Buffer>) await sink(chunk);
        } catch (error) {
          throw layerFault(error);
        }
      });
      let failure: { readonly error: unknown } | undefined;
      const take = async (source: AsyncIterable<Buffer>): Promise<void> => {
        for await (const chunk of source) {
          // Read to its end all the same: the digest tells whether it was damaged on its way.
          if (failure !== undefined) continue;
          await unpacking.write(chunk).catch((error: unknown) => (failure = { error }));
        }
      };
      try {
        await pipeline(await open(0), new VerifyingStream(blob, onProgress), take, { signal });
        if (failure !== undefined) throw failure.error;
        const unpacked = await unpacking.finish();
        return { ...unpacked, name: layerName(unpacked.diffID) };
      } catch (error) {
        await unpacking.abort();
        throw error;
      }
    });
    this.#layers.set(blob.digest, diffID);
  }
}

function layerName(diffID: DiffID): string {
  return `${digestHex(diffID)}.tar`;
}
