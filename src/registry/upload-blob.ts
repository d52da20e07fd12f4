import { Transform, type Readable, type TransformCallback } from 'node:stream';
import type { Descriptor } from '../oci/index.js';
import { discard, headerOf } from './answers.js';
import { BlobPieces } from './blob-pieces.js';
import type { UploadOptions } from './client.js';
import type { HttpAnswer } from './connections.js';
import { UnexpectedResponseError, type RegistryError } from './errors.js';
import { allowedAddress, type RegistryRequest, type Transport } from './transport.js';
import { UploadSession, type OpenUpload } from './upload-session.js';

/** What is known of a registry from uploads before. */
export interface UploadHabits {
  /** It takes a blob in one piece alone. */
  wholeOnly: boolean;
  /** It refuses a mount that names no repository. */
  plainBegin: boolean;
}

/** What a {@link BlobUpload} works with. */
export interface BlobUploadContext {
  readonly transport: Transport;
  /** Opens an upload: POST to `blobs/uploads/`, with the blob's concern and the scopes. */
  readonly begin: RegistryRequest;
  readonly habits: UploadHabits;
  /** Bytes of a chunk; 0: the blob in one piece. */
  readonly chunkSize: number;
}

/** How often an attempt begins from nothing again, where the registry has lost the upload. */
const maxRestarts = 2;
const octets = { 'content-type': 'application/octet-stream' };

/**
 * One attempt to bring a blob to a repository (distribution spec, Pushing Blobs): in one piece,
 * or in chunks, and from where the attempt before has left the registry.
 */
export class BlobUpload {
  readonly #context: BlobUploadContext;
  readonly #blob: Descriptor;
  readonly #session: UploadSession;
  readonly #pieces: BlobPieces;
  readonly #onProgress: (sent: number) => void;

  constructor(
    context: BlobUploadContext,
    blob: Descriptor,
    open: (offset: number) => Promise<Readable>,
    { session = new UploadSession(), onProgress = () => undefined }: UploadOptions,
  ) {
    this.#context = context;
    this.#blob = blob;
    this.#session = session;
    this.#pieces = new BlobPieces(open, context.begin.concern);
    this.#onProgress = onProgress;
  }

  async run(): Promise<'uploaded' | 'mounted'> {
    try {
      for (let restarts = 0; ; restarts++) {
        const upload = await this.#opened();
        if (upload === undefined) return 'mounted';
        const lost = await this.#send(upload);
        this.#session.upload = undefined;
        if (lost === undefined) return 'uploaded';
        if (restarts === maxRestarts) throw lost;
      }
    } finally {
      this.#pieces.close();
    }
  }

  /** The upload that is open, at the offset that the registry has; `undefined`: mounted. */
  async #opened(): Promise<OpenUpload | undefined> {
    const { upload } = this.#session;
    const usable =
      upload === undefined || upload.state === 'known' || (await this.#ask(upload)) === 'known';
    const whole = this.#context.habits.wholeOnly && this.#session.offset > 0;
    if (!usable || whole) this.#session.upload = undefined;
    this.#session.upload ??= await this.#begin();
    return this.#session.upload;
  }

  /** end-4a, as an automatic mount (end-11) where the registry lets us ask for one. */
  async #begin(): Promise<OpenUpload | undefined> {
    const { transport, begin, habits } = this.#context;
    if (!habits.plainBegin) {
      const url = new URL(begin.url);
      url.searchParams.set('mount', this.#blob.digest);
      const answer = await transport.send({ ...begin, url });
      await discard(answer);
      if (answer.status === 201) return undefined;
      if (answer.status === 202) return uploadOf(begin, answer);
    }
    const answer = await transport.send(begin);
    if (answer.status !== 202) throw await transport.refusal(begin, answer);
    await discard(answer);
    habits.plainBegin = true;
    return uploadOf(begin, answer);
  }

  /** end-13: how much of a broken upload the registry has. */
  async #ask(upload: OpenUpload): Promise<'known' | 'lost'> {
    const request = this.#request('GET', upload.location);
    const answer = await this.#context.transport.send(request);
    if (isTrouble(answer.status)) throw await this.#context.transport.refusal(request, answer);
    await discard(answer);
    const offset = offsetOf(answer);
    if (answer.status !== 204 || offset === undefined || offset > this.#blob.size) return 'lost';
    this.#accept(upload, answer, offset);
    return 'known';
  }

  /** Resolves with the refusal that says that the registry has lost the upload. */
  async #send(upload: OpenUpload): Promise<RegistryError | undefined> {
    const { size } = this.#blob;
    this.#onProgress(upload.offset);
    const chunkSize = this.#chunkSize(upload);
    const inChunks = upload.offset > 0 || chunkSize < size;
    if (inChunks) {
      const lost = await this.#sendChunks(upload, chunkSize);
      if (lost !== undefined) return lost;
    }
    const url = new URL(upload.location);
    url.searchParams.set('digest', this.#blob.digest);
    const answer = await this.#put('PUT', url, upload, size);
    if (answer.status === 201) {
      await discard(answer);
      return undefined;
    }
    const error = await this.#context.transport.refusal(this.#request('PUT', url), answer);
    // Bytes of another attempt may be at fault, or the upload was too old.
    const lost = inChunks ? [400, 404, 416] : [404];
    if (lost.includes(answer.status)) return error;
    throw error;
  }

  /** end-5, until the registry has all. */
  async #sendChunks(upload: OpenUpload, chunkSize: number): Promise<RegistryError | undefined> {
    const { size } = this.#blob;
    while (upload.offset < size) {
      const begin = upload.offset;
      const end = Math.min(size, begin + chunkSize);
      const answer = await this.#put('PATCH', upload.location, upload, end);
      const { status } = answer;
      if (status === 202) {
        this.#accept(upload, answer, Math.min(offsetOf(answer) ?? end, end));
        if (upload.offset > begin) {
          await discard(answer);
          continue;
        }
      }
      const error = await this.#context.transport.refusal(
        this.#request('PATCH', upload.location),
        answer,
      );
      if (isTrouble(status)) throw error;
      if (status === 416 && (await this.#ask(upload)) === 'known' && upload.offset !== begin) {
        this.#onProgress(upload.offset);
        continue;
      }
      // What takes no chunk at all gets the blob in one piece.
      if (begin === 0 && ![404, 416].includes(status)) this.#context.habits.wholeOnly = true;
      return error;
    }
    return undefined;
  }

  /** Sends what the registry lacks up to `end`. Should it break, the registry has to be asked. */
  async #put(
    method: 'PUT' | 'PATCH',
    url: URL,
    upload: OpenUpload,
    end: number,
  ): Promise<HttpAnswer> {
    const begin = upload.offset;
    const length = String(end - begin);
    const range = method === 'PATCH' ? { 'content-range': `${begin}-${end - 1}` } : {};
    const request: RegistryRequest = {
      ...this.#request(method, url),
      headers: { ...octets, ...range, 'content-length': length },
      ...(end > begin && {
        open: async () =>
          counted(await this.#pieces.piece(begin, end), (sent) => this.#onProgress(begin + sent)),
      }),
    };
    upload.state = 'unknown';
    return this.#context.transport.send(request);
  }

  #accept(upload: OpenUpload, answer: HttpAnswer, offset: number): void {
    const location = headerOf(answer, 'location');
    if (location !== undefined) {
      upload.location = allowedAddress(answer.url, location, this.#context.begin.concern);
    }
    upload.offset = offset;
    upload.state = 'known';
  }

  #chunkSize({ chunkMinLength }: OpenUpload): number {
    const { chunkSize, habits } = this.#context;
    return chunkSize === 0 || habits.wholeOnly ? Infinity : Math.max(chunkSize, chunkMinLength);
  }

  #request(method: RegistryRequest['method'], url: URL): RegistryRequest {
    return { ...this.#context.begin, method, url };
  }
}

/** The upload that a 202 has opened. @throws UnexpectedResponseError */
export function uploadOf({ concern }: RegistryRequest, answer: HttpAnswer): OpenUpload {
  const location = headerOf(answer, 'location');
  if (location === undefined) {
    const message = `${answer.url.host} opened an upload without saying where`;
    throw new UnexpectedResponseError(message, { ...concern, status: answer.status });
  }
  const least = headerOf(answer, 'oci-chunk-min-length') ?? '';
  return {
    location: allowedAddress(answer.url, location, concern),
    offset: 0,
    state: 'known',
    chunkMinLength: /^\d{1,12}$/.test(least) ? Number(least) : 0,
  };
}

/** What another attempt, or another login, may cure: no word on the upload itself. */
function isTrouble(status: number): boolean {
  return [401, 403, 408, 429].includes(status) || (status >= 500 && status !== 501);
}

/** Bytes that a registry says it has. `0-0` stands for none: it can't be told from one byte. */
function offsetOf(answer: HttpAnswer): number | undefined {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(headerOf(answer, 'range') ?? '')?.[1];
  if (last === undefined) return undefined;
  return last === '0' ? 0 : Number(last) + 1;
}

/** The bytes as they are handed to the socket, counted. */
function counted(bytes: Readable, onSent: (sent: number) => void): Readable {
  let sent = 0;
  const counting = new Transform({
    highWaterMark: 256 * 1024,
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      sent += chunk.length;
      onSent(sent);
      done(null, chunk);
    },
  });
  bytes.on('error', (error) => counting.destroy(error));
  counting.on('close', () => bytes.destroy());
  return bytes.pipe(counting);
}
