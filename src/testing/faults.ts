import type { Digest } from '../oci/index.js';

/**
 * What goes wrong with a request to the test registry. Counts of bytes are those of the answer's
 * body for GET, and those of the request's body, as it arrives, for POST, PATCH and PUT: what
 * came before the count is kept by an upload, as registries do. Where neither has a body, 0 bytes
 * mean the answer.
 */
export type Fault =
  /** The answer comes this many ms late. */
  | { readonly kind: 'latency'; readonly milliseconds: number }
  /** The body passes at this many bytes per second. */
  | { readonly kind: 'rate'; readonly bytesPerSecond: number }
  /** The connection is reset after this many bytes of the body. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** The connection ends in good order after this many bytes of the body. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** Nothing passes any more after this many bytes, until the client gives up. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** The byte at this offset of the blob or manifest is another one. */
  | { readonly kind: 'corrupt'; readonly offset: number }
  /** A Range is answered with the whole. */
  | { readonly kind: 'ignoreRange' }
  /** A Range is answered with another one, this many bytes later. */
  | { readonly kind: 'wrongRange'; readonly shift: number }
  /** Another status, in place of the answer. */
  | {
      readonly kind: 'status';
      readonly status: number;
      /** Such as `{ 'retry-after': '2' }`. */
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    };

/** Which requests a fault befalls: those that fit all that is given. */
export interface FaultMatch {
  readonly method?: string;
  /** Tested against the path without its query. */
  readonly path?: RegExp;
  /** The blob or manifest of this digest, by its path. */
  readonly digest?: Digest;
}

/** A fault, whom it befalls, and how often. */
export interface FaultRule {
  readonly match?: FaultMatch;
  /** How many requests that fit are spared first. Default 0. */
  readonly skip?: number;
  /** How many requests it befalls. Default: all. */
  readonly times?: number;
  readonly fault: Fault;
}

/** A rule at work. */
export interface InjectedFault {
  /** How many requests it has befallen. */
  readonly hits: number;
  /** Ends it. */
  remove(): void;
}

/** The rules of one registry. */
export class Faults {
  readonly #rules = new Set<{ readonly rule: FaultRule; spared: number; hits: number }>();

  inject(rule: FaultRule): InjectedFault {
    const injected = { rule, spared: 0, hits: 0 };
    this.#rules.add(injected);
    return {
      get hits() {
        return injected.hits;
      },
      remove: () => void this.#rules.delete(injected),
    };
  }

  /** The faults that befall a request, each counted. */
  take(method: string, path: string): Fault[] {
    const fitting = [...this.#rules].filter(({ rule }) => fits(rule.match ?? {}, method, path));
    return fitting.flatMap((injected) => {
      const { rule } = injected;
      if (injected.spared < (rule.skip ?? 0)) {
        injected.spared++;
        return [];
      }
      if (injected.hits >= (rule.times ?? Infinity)) return [];
      injected.hits++;
      return [rule.fault];
    });
  }
}

/** The fault of a kind, if it is among those given. */
export function faultOf<K extends Fault['kind']>(
  faults: readonly Fault[],
  kind: K,
): Extract<Fault, { kind: K }> | undefined {
  return faults.find((fault): fault is Extract<Fault, { kind: K }> => fault.kind === kind);
}

/** The fault that ends a body before its time, and after how many bytes. */
export function breakOf(
  faults: readonly Fault[],
): Extract<Fault, { afterBytes: number }> | undefined {
  return faultOf(faults, 'reset') ?? faultOf(faults, 'truncate') ?? faultOf(faults, 'stall');
}

function fits(match: FaultMatch, method: string, path: string): boolean {
  if (match.method !== undefined && match.method !== method) return false;
  if (match.path !== undefined && !match.path.test(path)) return false;
  return match.digest === undefined || path.endsWith(match.digest);
}
