import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import type { Digest } from '../oci/index.js';
import {
  breakOf,
  Faults,
  faultOf,
  type Fault,
  type FaultRule,
  type InjectedFault,
} from './faults.js';
import { receiveBody } from './receive-body.js';
import type { Answer } from './registry-answers.js';
import { AuthGate, type RegistryAuth } from './registry-auth.js';
import { RepositoryContent } from './registry-content.js';
import type { RegistryTraits } from './registry-features.js';
import { registryContext, RegistryRoutes } from './registry-routes.js';
import type { SampleImage } from './sample-image.js';
import { breakOff, sendBody, wait } from './send-body.js';
import { withRange } from './with-range.js';

/** How a {@link TestRegistry} is started. */
export interface TestRegistryOptions extends RegistryTraits {
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
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** 0 until the answer begins. */
  readonly status: number;
  /** Bytes of the body that were sent so far. */
  readonly bytes: number;
  /** Bytes of the request's body that were taken in so far. */
  readonly received: number;
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

/**
 * Starts a registry in this process, on loopback: the distribution specification 1.1 with its
 * content in memory, for images of sizes that specs use. Whoever starts it closes it.
 *
 * @example
 * const registry = await startRegistry({ without: ['referrers'] });
 * registry.addImage('app', 'v1', await sampleImage({ layers: [[{ name: 'a', size: 1e6 }]] }));
 * registry.inject({
 *   match: { method: 'GET', path: /\/blobs\// },
 *   times: 1,
 *   fault: { kind: 'reset', afterBytes: 500_000 },
 * });
 * // … pull `${registry.host}/app:v1`, and see what `registry.requests` says of it
 * await registry.close();
 */
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
  readonly #routes: RegistryRoutes;
  readonly requests: { -readonly [K in keyof LoggedRequest]: LoggedRequest[K] }[] = [];

  constructor({ auth, scheduler = asyncScheduler, ...traits }: TestRegistryOptions) {
    this.#routes = new RegistryRoutes(
      registryContext(this.#repositories, (name) => this.repository(name), traits),
    );
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
      .filter(({ path }) => /\/blobs\/[^?]*/.exec(path)?.[0].endsWith(digest ?? '') === true)
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
    const logged = this.#log(method, url, request);
    const faults = this.#faults.take(method, url.pathname);
    const scheduler = this.#scheduler;
    const latency = faultOf(faults, 'latency');
    if (latency !== undefined) await wait(latency.milliseconds, response, scheduler);
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
    const receive = (onChunk: (chunk: Buffer) => void): Promise<void> =>
      receiveBody(request, response, faults, scheduler, (chunk) => {
        logged.received += chunk.length;
        onChunk(chunk);
      });
    const { headers } = request;
    const answer = await this.#routes.answer({ method, url, headers, receive });
    const ranged = withRange(corrupted(answer, faults), headers, faults);
    logged.status = ranged.status;
    await this.#send(method, response, ranged, faults, (sent) => (logged.bytes += sent));
  }

  async #send(
    method: string,
    response: ServerResponse,
    { status, headers, body }: Answer,
    faults: readonly Fault[],
    onSent: (bytes: number) => void,
  ): Promise<void> {
    const broken = breakOf(faults);
    // Where there is no body to break, the answer itself doesn't come.
    if (broken?.afterBytes === 0 && method !== 'GET') {
      await breakOff(response, broken.kind);
      return;
    }
    const length = status === 204 ? {} : { 'content-length': String(body?.length ?? 0) };
    response.writeHead(status, { ...headers, ...length });
    if (method === 'GET' && body !== undefined) {
      await sendBody(response, body, faults, this.#scheduler, onSent);
    } else {
      response.end(method === 'HEAD' ? undefined : body);
    }
  }

  #log(
    method: string,
    url: URL,
    { headers }: IncomingMessage,
  ): { -readonly [K in keyof LoggedRequest]: LoggedRequest[K] } {
    const logged = {
      method,
      path: url.pathname + url.search,
      range: headers.range,
      authorization: headers.authorization,
      headers,
      status: 0,
      bytes: 0,
      received: 0,
    };
    this.requests.push(logged);
    return logged;
  }
}

function corrupted(answer: Answer, faults: readonly Fault[]): Answer {
  const fault = faultOf(faults, 'corrupt');
  if (fault === undefined || answer.body === undefined) return answer;
  const body = Buffer.from(answer.body);
  body.writeUInt8(body.readUInt8(fault.offset) ^ 0xff, fault.offset);
  return { ...answer, body };
}
