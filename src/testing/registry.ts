import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import type { Digest } from '../oci/index.js';
import { Faults, faultOf, type Fault, type FaultRule, type InjectedFault } from './faults.js';
import { AuthGate, type RegistryAuth } from './registry-auth.js';
import { RepositoryContent } from './registry-content.js';
import { RegistryRoutes, type Answer } from './registry-routes.js';
import type { SampleImage } from './sample-image.js';
import { sendBody, wait } from './send-body.js';

/** How a {@link TestRegistry} is started. */
export interface TestRegistryOptions {
  /** Default: one that is free. */
  readonly port?: number;
  /** Default: everybody is let in. */
  readonly auth?: RegistryAuth;
  /** The time of latencies and rates. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

/** One request that a {@link TestRegistry} has got. */
export interface LoggedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** The Range that was asked for. */
  readonly range: string | undefined;
  readonly authorization: string | undefined;
  /** 0 until the answer begins. */
  readonly status: number;
  /** Bytes of the body that were sent so far. */
  readonly bytes: number;
}

/** A registry in this process, on loopback, for specs and demonstrations. */
export interface TestRegistry {
  /** `127.0.0.1:port`, to be used in references. */
  readonly host: string;
  readonly url: string;
  /** All requests so far, in their order. */
  readonly requests: readonly LoggedRequest[];
  /** Tokens handed out so far, where tokens are what it takes. */
  readonly tokensIssued: number;
  /** Makes all tokens invalid that were handed out so far. */
  revokeTokens(): void;
  /** Adds an image under a tag. */
  addImage(repository: string, tag: string, image: SampleImage): void;
  /** What a repository holds. */
  repository(name: string): RepositoryContent;
  /** Makes something go wrong. */
  inject(rule: FaultRule): InjectedFault;
  /** Bytes of a blob, or of all blobs, that were sent so far. */
  bytesServed(digest?: Digest): number;
  /** Ends every connection and the server. */
  close(): Promise<void>;
}

/** Starts a registry in this process: the distribution specification 1.1, content in memory. */
export async function startRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const registry = new InProcessRegistry(options);
  await registry.listen(options.port ?? 0);
  return registry;
}

class InProcessRegistry implements TestRegistry {
  readonly #server: Server;
  readonly #scheduler: SchedulerLike;
  readonly #gate: AuthGate;
  readonly #faults = new Faults();
  readonly #repositories = new Map<string, RepositoryContent>();
  readonly #routes = new RegistryRoutes(this.#repositories, (name) => this.repository(name));
  readonly requests: { -readonly [K in keyof LoggedRequest]: LoggedRequest[K] }[] = [];

  constructor({ auth, scheduler = asyncScheduler }: TestRegistryOptions) {
    this.#scheduler = scheduler;
    this.#gate = new AuthGate(auth);
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  get tokensIssued(): number {
    return this.#gate.issued;
  }

  revokeTokens(): void {
    this.#gate.revoke();
  }

  addImage(repository: string, tag: string, image: SampleImage): void {
    this.repository(repository).add(tag, image);
  }

  repository(name: string): RepositoryContent {
    const known = this.#repositories.get(name) ?? new RepositoryContent();
    this.#repositories.set(name, known);
    return known;
  }

  inject(rule: FaultRule): InjectedFault {
    return this.#faults.inject(rule);
  }

  bytesServed(digest?: Digest): number {
    return this.requests
      .filter(({ path }) => path.includes('/blobs/') && path.endsWith(digest ?? ''))
      .reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const method = request.method ?? 'GET';
    const { range, authorization } = request.headers;
    const logged = {
      method,
      path: url.pathname + url.search,
      range,
      authorization,
      status: 0,
      bytes: 0,
    };
    this.requests.push(logged);
    const faults = this.#faults.take(method, url.pathname);
    const latency = faultOf(faults, 'latency');
    if (latency !== undefined) await wait(latency.milliseconds, response, this.#scheduler);
    const status = faultOf(faults, 'status');
    if (status !== undefined) {
      logged.status = status.status;
      response.writeHead(status.status, status.headers).end(status.body);
      return;
    }
    if (this.#gate.take(request, response, url)) {
      logged.status = response.statusCode;
      return;
    }
    const body = (): Promise<Buffer> => readBody(request);
    const answer = await this.#routes.answer({ method, url, headers: request.headers, body });
    const ranged = withRange(corrupted(answer, faults), range, faults);
    logged.status = ranged.status;
    const content = ranged.body ?? Buffer.alloc(0);
    const headers = { ...ranged.headers, 'content-length': String(content.length) };
    response.writeHead(ranged.status, ranged.status === 204 ? ranged.headers : headers);
    if (method === 'HEAD' || content.length === 0) {
      response.end();
      return;
    }
    await sendBody(response, content, faults, this.#scheduler, (sent) => (logged.bytes += sent));
  }
}

function corrupted(answer: Answer, faults: readonly Fault[]): Answer {
  const fault = faultOf(faults, 'corrupt');
  if (fault === undefined || answer.body === undefined) return answer;
  const body = Buffer.from(answer.body);
  body.writeUInt8(body.readUInt8(fault.offset) ^ 0xff, fault.offset);
  return { ...answer, body };
}

/** What a Range makes of an answer (RFC 9110, 14): one range of bytes, or 416 past the end. */
function withRange(answer: Answer, range: string | undefined, faults: readonly Fault[]): Answer {
  const { body, headers } = answer;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  const isRanged = headers?.['accept-ranges'] === 'bytes' && !faultOf(faults, 'ignoreRange');
  if (first === undefined || body === undefined || !isRanged || answer.status !== 200)
    return answer;
  const shift = faultOf(faults, 'wrongRange')?.shift ?? 0;
  const begin = Number(first) + shift;
  const end = Math.min(last ? Number(last) + 1 : body.length, body.length);
  if (begin >= body.length) {
    return { status: 416, headers: { 'content-range': `bytes */${body.length}` } };
  }
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${begin}-${end - 1}/${body.length}` },
    body: body.subarray(begin, end),
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
