import type { SchedulerLike } from 'rxjs';
import type { Digest } from '../oci/index.js';
import { errorFields, type Logger } from '../transfer/index.js';
import { BoundedMap } from './bounded-map.js';
import { placeOf, type Endpoint } from './endpoints.js';
import {
  ConnectionError,
  RateLimitedError,
  RegistryUnavailableError,
  type RegistryError,
} from './errors.js';

const restAfterFailure = 15_000;
const longestRest = 5 * 60_000;
const blobsRemembered = 1000;

/** How far the bytes are mistrusted that a host has for a blob. */
type Distrust = 'suspect' | 'wrong';

/**
 * What the client has learned about the hosts of registries: which of them rest for a while, since
 * they failed, and which had wrong bytes for which blob.
 */
export class HostHealth {
  readonly #scheduler: SchedulerLike;
  readonly #logger: Logger;
  readonly #restUntil = new Map<string, number>();
  readonly #distrusted = new BoundedMap<Digest, Map<string, Distrust>>(blobsRemembered);

  constructor(scheduler: SchedulerLike, logger: Logger) {
    this.#scheduler = scheduler;
    this.#logger = logger;
  }

  /**
   * The endpoints in the order in which they should be asked: those that rest after the others,
   * those whose bytes of this blob are suspect after all, and without those whose bytes were
   * wrong, unless there is no other.
   */
  order(endpoints: readonly Endpoint[], digest?: Digest): Endpoint[] {
    const now = this.#scheduler.now();
    const marks = digest === undefined ? undefined : this.#distrusted.get(digest);
    const rank = (endpoint: Endpoint): number => {
      const suspect = marks?.has(placeOf(endpoint)) === true ? 2 : 0;
      return suspect + ((this.#restUntil.get(placeOf(endpoint)) ?? 0) > now ? 1 : 0);
    };
    const trusted = endpoints.filter((endpoint) => marks?.get(placeOf(endpoint)) !== 'wrong');
    const candidates = trusted.length > 0 ? trusted : endpoints;
    return [...candidates].sort((a, b) => rank(a) - rank(b));
  }

  /**
   * A host failed. It rests where another request would likely fail as well.
   *
   * @param next who is asked in its place.
   */
  failed(endpoint: Endpoint, error: RegistryError, next: Endpoint | undefined): void {
    const { host } = endpoint;
    if (next !== undefined) {
      this.#logger.warn({ ...errorFields(error), host, next: next.host }, 'asking the next host');
    }
    const rests =
      error instanceof ConnectionError ||
      error instanceof RateLimitedError ||
      error instanceof RegistryUnavailableError;
    if (!rests) return;
    const rest = Math.min(error.retryAfter ?? restAfterFailure, longestRest);
    this.#restUntil.set(placeOf(endpoint), this.#scheduler.now() + rest);
  }

  /** A host answered as it should. */
  answered(endpoint: Endpoint): void {
    this.#restUntil.delete(placeOf(endpoint));
  }

  /**
   * The bytes that came from these hosts, in part from each, weren't the blob. One host alone had
   * them wrong; of several, each is suspect, and wrong the second time.
   *
   * @param extent whether all bytes of the blob came from them, or also some from before.
   */
  distrust(digest: Digest, hosts: readonly Endpoint[], extent: 'all' | 'part'): void {
    const marks = this.#distrusted.get(digest) ?? new Map<string, Distrust>();
    for (const endpoint of hosts) {
      const proven = (extent === 'all' && hosts.length === 1) || marks.has(placeOf(endpoint));
      marks.set(placeOf(endpoint), proven ? 'wrong' : 'suspect');
    }
    this.#distrusted.set(digest, marks);
  }

  /** Tells whether one of the hosts hasn't been found to have the blob wrong. */
  someTrusted(digest: Digest, hosts: readonly Endpoint[]): boolean {
    const marks = this.#distrusted.get(digest);
    return hosts.some((endpoint) => marks?.get(placeOf(endpoint)) !== 'wrong');
  }
}
