import type { BlobBody, BlobRequest, Descriptor, Repository } from '../oci/index.js';
import { bodyStream, discard, headerOf, lengthOf } from './answers.js';
import { addressOf, type Endpoints } from './endpoints.js';
import { BlobLengthError, RangeMismatchError } from './errors.js';
import { pullScope } from './scopes.js';
import type { RegistryRequest, Transport } from './transport.js';

/** Gets blobs, from an offset where the server can (distribution spec, Pulling blobs). */
export class BlobFetcher {
  readonly #transport: Transport;
  readonly #endpoints: Endpoints;

  constructor(transport: Transport, endpoints: Endpoints) {
    this.#transport = transport;
    this.#endpoints = endpoints;
  }

  async fetch(
    repository: Repository,
    blob: Descriptor,
    { offset, signal }: BlobRequest,
  ): Promise<BlobBody> {
    const [endpoint] = await this.#endpoints(repository.host);
    const request: RegistryRequest = {
      method: 'GET',
      endpoint,
      url: addressOf(endpoint, repository, `blobs/${blob.digest}`),
      headers: {
        // What is stored is what was hashed: no coding on the way.
        'accept-encoding': 'identity',
        ...(offset > 0 && { range: `bytes=${offset}-` }),
      },
      scopes: [pullScope(repository)],
      concern: { host: repository.host, digest: blob.digest },
      signal,
    };
    const answer = await this.#transport.send(request);
    const { status } = answer;
    if (status === 416) {
      await discard(answer);
      // What is here is as long as the blob is there: the server has another one by this name.
      throw new RangeMismatchError(`${repository.host} has no byte ${offset} of the blob`, {
        ...request.concern,
        status,
      });
    }
    if (status !== 200 && status !== 206) throw await this.#transport.refusal(request, answer);
    const begin = status === 206 ? rangeBegin(headerOf(answer, 'content-range')) : 0;
    const length = lengthOf(answer);
    if (begin !== 0 && begin !== offset) {
      answer.body.destroy();
      const sent = begin === undefined ? 'an unreadable range' : `byte ${begin}`;
      throw new RangeMismatchError(
        `${repository.host} was asked for byte ${offset} and sent ${sent}`,
        request.concern,
      );
    }
    if (length !== undefined && begin + length !== blob.size) {
      answer.body.destroy();
      throw new BlobLengthError(
        `${repository.host} has ${begin + length} bytes of the blob, not ${blob.size}`,
        request.concern,
      );
    }
    const resumable = status === 206 || headerOf(answer, 'accept-ranges') === 'bytes';
    return { stream: bodyStream(answer, request.concern, signal), offset: begin, resumable };
  }
}

/** The first byte of a `Content-Range` (RFC 9110, 14.4). */
function rangeBegin(text: string | undefined): number | undefined {
  const begin = /^bytes (\d{1,15})-\d+\/(?:\d+|\*)$/.exec(text ?? '')?.[1];
  return begin === undefined ? undefined : Number(begin);
}
