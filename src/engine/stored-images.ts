import { ImageNotFoundError } from '../image/index.js';
import type { ImageRecord, Store } from '../layer/index.js';
import {
  digestHex,
  formatReference,
  parseReference,
  type Descriptor,
  type Digest,
  type Reference,
} from '../oci/index.js';
import { RxferError } from '../transfer/index.js';
import { describeStored, storedDocument, type StoredDescription } from './describe-stored.js';
import { EngineRequestError } from './errors.js';

/** An image of the store as Docker sees it: one by its id, whatever number of names it has. */
export interface StoredImage extends StoredDescription {
  /** What its first name leads to: a manifest, or the index that it is one of. */
  readonly manifest: Descriptor;
  /** Its names, sorted; one at least. */
  readonly records: readonly ImageRecord[];
}

/** An image, and the name that it was found by, where it was a name. */
export interface FoundImage {
  readonly image: StoredImage;
  readonly record: ImageRecord | undefined;
}

const idGrammar = /^(?:sha256:)?([0-9a-f]{4,64})$/;

/** Looks up images of a store by all that Docker calls them. */
export class StoredImages {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Those that can be described: a damaged one is no reason to show none. */
  async list(): Promise<StoredImage[]> {
    const images = new Map<Digest, StoredImage>();
    for (const record of await this.#store.images.list()) {
      const image = await this.#describe(record).catch((error: unknown) => {
        if (error instanceof RxferError) return undefined;
        throw error;
      });
      if (image === undefined) continue;
      const known = images.get(image.id) ?? { ...image, records: [] };
      images.set(image.id, { ...known, records: [...known.records, record] });
    }
    return [...images.values()];
  }

  /**
   * The image of a name, of a repository's digest, or of an id or the beginning of one.
   *
   * @throws ImageNotFoundError, EngineRequestError when several ids begin like that.
   */
  async find(name: string): Promise<FoundImage> {
    const reference = tryParse(name);
    const full = reference === undefined ? undefined : formatReference(reference);
    const record = full === undefined ? undefined : await this.#store.images.get(full);
    const images = await this.list();
    if (record !== undefined) {
      const image = images.find(({ records }) => records.some((one) => one.reference === full));
      return { image: image ?? (await this.#describe(record)), record };
    }
    const image = byDigest(images, reference) ?? byID(images, name);
    if (image !== undefined) return { image, record: undefined };
    throw new ImageNotFoundError(name, 'the store', `Pull it first: docker pull ${name}`);
  }

  async #describe(record: ImageRecord): Promise<StoredImage> {
    const described = await describeStored(this.#store, record);
    return { ...described, manifest: record.manifest, records: [record] };
  }

  /** @throws BlobNotFoundError */
  document(digest: Digest): Promise<Uint8Array> {
    return storedDocument(this.#store, digest);
  }
}

function byDigest(
  images: readonly StoredImage[],
  reference: Reference | undefined,
): StoredImage | undefined {
  if (reference?.digest === undefined) return undefined;
  const { host, path, digest } = reference;
  return images.find(({ records }) =>
    records.some((record) => {
      const own = parseReference(record.reference);
      const isSame = record.resolved === digest || record.manifest.digest === digest;
      return isSame && own.host === host && own.path === path;
    }),
  );
}

function byID(images: readonly StoredImage[], name: string): StoredImage | undefined {
  const [, hex] = idGrammar.exec(name) ?? [];
  if (hex === undefined) return undefined;
  const found = images.filter(({ id }) => digestHex(id).startsWith(hex));
  if (found.length < 2) return found[0];
  const hint = 'Give more of its digits.';
  throw new EngineRequestError(`The ids of several images begin with ${hex}`, hint);
}

function tryParse(name: string): Reference | undefined {
  try {
    return parseReference(name);
  } catch {
    return undefined;
  }
}
