import type { BlobBody, BlobRequest, Descriptor, Repository } from '../oci/index.js';
import { BlobStream } from './blob-stream.js';
import type { Endpoint, Endpoints } from './endpoints.js';
import type { HostHealth } from './host-health.js';
import { readBlob, type BlobReading } from './read-blob.js';
import { readInParts, type PartSizes } from './read-in-parts.js';
import { BlobRequester } from './request-blob.js';
import type { Transport } from './transport.js';

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
    { offset, signal }: BlobRequest,
  ): Promise<BlobBody> {
    const endpoints = await this.#endpoints(repository.host, 'pull');
    const stopping = new AbortController();
    const sources = new Set<Endpoint>();
    let resumable = false;
    const reading: BlobReading = {
      name: { repository, blob },
      hosts: () => this.#health.order(endpoints, blob.digest),
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
    const first = await bytes.next();
    return {
      stream: new BlobStream(first, bytes, () => stopping.abort()),
      offset,
      get resumable() {
        return resumable;
      },
      distrust: () => {
        this.#health.distrust(blob.digest, [...sources], offset === 0 ? 'all' : 'part');
        return this.#health.someTrusted(blob.digest, endpoints);
      },
    };
  }

  #read(reading: BlobReading, begin: number): AsyncGenerator<Buffer, void, undefined> {
    const { count, threshold } = this.#parts;
    const whole = { begin, end: reading.name.blob.size };
    return count > 1 && whole.end - begin >= threshold
      ? readInParts({ ...reading, resumptions: resumptionsOfParts }, whole, this.#parts)
      : readBlob(reading, whole);
  }
}
