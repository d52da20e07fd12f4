import type { Readable } from 'node:stream';
import type { Descriptor, Repository } from '../oci/index.js';
import { abandon } from './abandon.js';
import { discard, headerOf, lengthOf } from './answers.js';
import { BoundedMap } from './bounded-map.js';
import type { HttpAnswer } from './connections.js';
import { addressOf, placeOf, type Endpoint } from './endpoints.js';
import { BlobLengthError, RangeMismatchError } from './errors.js';
import { connectionFailure } from './failures.js';
import { pullScope } from './scopes.js';
import type { RegistryRequest, Transport } from './transport.js';

/** Which blob of which repository is asked for. */
export interface BlobName {
  readonly repository: Repository;
  readonly blob: Descriptor;
}

/** A part of a blob, in bytes from its beginning; `end` is the first byte that isn't in it. */
export interface BlobPart {
  readonly begin: number;
  readonly end: number;
}

/** What one host answers. It must be ended, whether it was read or not. */
export interface BlobAnswer {
  /** To be read once. Its errors are undici's: {@link BlobAnswer.explain} makes them the client's. */
  readonly bytes: Readable;
  /** Where in the blob the first byte of `bytes` stands: where asked, or 0. */
  readonly offset: number;
  /** Whether it is the part that was asked for, or the whole blob in place of it. */
  readonly extent: 'part' | 'whole';
  /** Whether the host can continue from an offset. */
  readonly resumable: boolean;
  /** The client's own error for one that came out of `bytes`. */
  readonly explain: (error: unknown) => unknown;
  /** Lets go of the answer; destroys the socket where there is more to come. */
  readonly end: () => void;
}

const blobsRemembered = 1000;

/** Asks single hosts for blobs, or for parts of them (distribution spec, Pulling blobs). */
export class BlobRequester {
  readonly #transport: Transport;
  /** Places that answered a range with another one. They are asked for the whole from then on. */
  readonly #rangeless = new Set<string>();
  /** The strong ETags that hosts had for blobs. */
  readonly #validators = new BoundedMap<string, string>(blobsRemembered);

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Asks for a part of a blob. The answer is the whole where the host knows no ranges, or has
   * another blob by that name than before (`If-Range`, RFC 9110, 13.1.5).
   *
   * @throws BlobLengthError where the host's blob hasn't the length that it should have.
   */
  async request(
    name: BlobName,
    part: BlobPart,
    endpoint: Endpoint,
    signal: AbortSignal,
  ): Promise<BlobAnswer> {
    const whole = { begin: 0, end: name.blob.size };
    const place = placeOf(endpoint);
    if (this.#rangeless.has(place)) return this.#ask(name, whole, endpoint, signal);
    try {
      return await this.#ask(name, part, endpoint, signal);
    } catch (error) {
      if (!(error instanceof RangeMismatchError)) throw error;
      this.#rangeless.add(place);
      return this.#ask(name, whole, endpoint, signal);
    }
  }

  async #ask(
    name: BlobName,
    part: BlobPart,
    endpoint: Endpoint,
    signal: AbortSignal,
  ): Promise<BlobAnswer> {
    const { repository, blob } = name;
    const key = `${placeOf(endpoint)} ${blob.digest}`;
    const request: RegistryRequest = {
      method: 'GET',
      endpoint,
      url: endpoint.blob ?? addressOf(endpoint, repository, `blobs/${blob.digest}`),
      headers: {
        // What is stored is what was hashed: no coding on the way.
        'accept-encoding': 'identity',
        ...rangeHeaders(part, blob, this.#validators.get(key)),
      },
      scopes: [pullScope(repository)],
      concern: { host: endpoint.host, digest: blob.digest },
      signal,
    };
    const answer = await this.#transport.send(request);
    const { status } = answer;
    if (status !== 200 && status !== 206 && status !== 416) {
      throw await this.#transport.refusal(request, answer);
    }
    const offset = await checkedOffset(answer, part, blob, request);
    const etag = headerOf(answer, 'etag');
    // A weak one doesn't tell bytes apart.
    if (etag?.startsWith('"') === true) this.#validators.set(key, etag);
    const resumable = status === 206 || headerOf(answer, 'accept-ranges') === 'bytes';
    const about = { ...request.concern, host: answer.url.host };
    // It may break before its reader is there, who finds it broken then.
    answer.body.on('error', () => undefined);
    return {
      bytes: answer.body,
      explain: (error) => connectionFailure(error, about, signal),
      end: () => abandon(answer),
      offset,
      extent: status === 206 ? 'part' : 'whole',
      resumable,
    };
  }
}

function rangeHeaders(
  { begin, end }: BlobPart,
  { size }: Descriptor,
  validator: string | undefined,
): Record<string, string> {
  if (begin === 0 && end === size) return {};
  const range = `bytes=${begin}-${end === size ? '' : end - 1}`;
  // A server that had another ETag for it would send a range of something else.
  return validator === undefined || begin === 0 ? { range } : { range, 'if-range': validator };
}

/** Where the body begins. Ends the answer and throws when it isn't what was asked for. */
async function checkedOffset(
  answer: HttpAnswer,
  { begin }: BlobPart,
  { size }: Descriptor,
  { concern }: RegistryRequest,
): Promise<number> {
  const { host } = answer.url;
  if (answer.status === 416) {
    await discard(answer);
    throw new RangeMismatchError(`${host} has no byte ${begin} of the blob`, {
      ...concern,
      status: 416,
    });
  }
  const { offset, total = size } =
    answer.status === 206 ? rangeOf(answer) : { offset: 0, total: lengthOf(answer) };
  if (total !== size) {
    abandon(answer);
    throw new BlobLengthError(`${host} has ${total} bytes of the blob, not ${size}`, concern);
  }
  if (offset === begin || offset === 0) return offset;
  abandon(answer);
  const sent = offset === undefined ? 'an unreadable range' : `byte ${offset}`;
  throw new RangeMismatchError(`${host} was asked for byte ${begin} and sent ${sent}`, concern);
}

/** What a `Content-Range` says (RFC 9110, 14.4), as far as it can be read. */
function rangeOf(answer: HttpAnswer): { readonly offset?: number; readonly total?: number } {
  const text = headerOf(answer, 'content-range') ?? '';
  const [, first, total] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(text) ?? [];
  if (first === undefined) return {};
  const size = total === undefined || total === '*' ? {} : { total: Number(total) };
  return { offset: Number(first), ...size };
}
