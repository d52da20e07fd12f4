import type { BlobBody, Descriptor, Digest, Repository } from '../oci/index.js';
import { BlobStream } from './blob-stream.js';
import type { RegistryBlobRequest } from './client.js';
import { ForeignAddressError } from './content-errors.js';
import type { Endpoint, Endpoints } from './endpoints.js';
import { foreignEndpoints } from './foreign-endpoints.js';
import type { HostHealth } from './host-health.js';
import { giveBack } from './lent-memory.js';
import { readBlob, type BlobReading } from './read-blob.js';
import { readInParts, type PartSizes } from './read-in-parts.js';
import { BlobRequester } from './request-blob.js';
import type { Transport } from './transport.js';
import { isMissing } from './try-hosts.js';

/** How large blobs are fetched in parts at the same time; `count` 1: not at all. */
export interface BlobParts extends PartSizes {
  /** Bytes from which a blob, or what is left of it, is fetched in parts. */
  readonly threshold: number;
}

const resumptionsOfParts = 2;

/**
 * Gets blobs from whichever of a registry's hosts has them, changing over in the middle where one
 * fails. Every byte is asked for of each host once; more attempts are up to the caller.
 */
export class BlobFetcher {
  readonly #requester: BlobRequester;
  readonly #endpoints: Endpoints;
  readonly #health: HostHealth;
  readonly #parts: BlobParts;

  constructor(transport: Transport, endpoints: Endpoints, health: HostHealth, parts: BlobParts) {
    this.#requester = new BlobRequester(transport);
    this.#endpoints = endpoints;
    this.#health = health;
    this.#parts = parts;
  }

  async fetch(
    repository: Repository,
    blob: Descriptor,
    { offset, signal, urls = [] }: RegistryBlobRequest,
  ): Promise<BlobBody> {
    const own = await this.#endpoints(repository.host, 'pull');
    const foreign = foreignEndpoints(urls);
    const endpoints = [...own, ...foreign];
    const stopping = new AbortController();
    const sources = new Set<Endpoint>();
    let resumable = false;
    const reading: BlobReading = {
      name: { repository, blob },
      hosts: () => this.#order(own, foreign, blob.digest),
      requester: this.#requester,
      health: this.#health,
      signal: AbortSignal.any([signal, stopping.signal]),
      onAnswer: (endpoint, answer) => {
        sources.add(endpoint);
        ({ resumable } = answer);
      },
      resumptions: 0,
    };
    const bytes = this.#read(reading, offset);
    // Whether any host has it is told now rather than by the stream.
    const first = await bytes.next().catch((error: unknown) => {
      if (!isMissing(error) || urls.length === 0 || foreign.length > 0) throw error;
      const { host } = repository;
      throw new ForeignAddressError({ host, digest: blob.digest, cause: error });
    });
    return {
      stream: new BlobStream(first, bytes, () => stopping.abort()),
      offset,
      get resumable() {
        return resumable;
      },
      giveBack,
      distrust: () => {
        this.#health.distrust(blob.digest, [...sources], offset === 0 ? 'all' : 'part');
        // It came from elsewhere since the registry hadn't it, and won't have it now.
        const others = [...sources].some((source) => source.blob !== undefined)
          ? foreign
          : endpoints;
        return this.#health.someTrusted(blob.digest, others);
      },
    };
  }

  /** The registry's hosts before foreign addresses, unless what they have is wrong. */
  #order(own: readonly Endpoint[], foreign: readonly Endpoint[], digest: Digest): Endpoint[] {
    const hosts = this.#health.order(own, digest);
    if (foreign.length === 0) return hosts;
    const trusted = this.#health.someTrusted(digest, own) ? hosts : [];
    return [...trusted, ...this.#health.order(foreign, digest)];
  }

  #read(reading: BlobReading, begin: number): AsyncGenerator<Buffer, void, undefined> {
    const { count, threshold } = this.#parts;
    const whole = { begin, end: reading.name.blob.size };
    return count > 1 && whole.end - begin >= threshold
      ? readInParts({ ...reading, resumptions: resumptionsOfParts }, whole, this.#parts)
      : readBlob(reading, whole);
  }
}
