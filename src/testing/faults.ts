import type { Digest } from '../oci/index.js';

/** What goes wrong with an answer of the test registry. */
export type Fault =
  /** The answer comes this many ms late. */
  | { readonly kind: 'latency'; readonly milliseconds: number }
  /** The body comes at this many bytes per second. */
  | { readonly kind: 'rate'; readonly bytesPerSecond: number }
  /** The connection is reset after this many bytes of the body. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** The body ends after this many bytes, and the connection with it. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** Nothing more comes after this many bytes, until the client gives up. */
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
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

/** Which requests a fault befalls: those that fit all that is given. */
export interface FaultMatch {
  readonly method?: string;
  readonly path?: RegExp;
  readonly digest?: Digest;
}

/** A fault, whom it befalls, and how often. */
export interface FaultRule {
  readonly match?: FaultMatch;
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
  readonly #rules = new Set<{ rule: FaultRule; hits: number }>();

  inject(rule: FaultRule): InjectedFault {
    const injected = { rule, hits: 0 };
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
    const befalling = [...this.#rules].filter(
      ({ rule, hits }) => hits < (rule.times ?? Infinity) && fits(rule.match ?? {}, method, path),
    );
    for (const injected of befalling) injected.hits++;
    return befalling.map(({ rule }) => rule.fault);
  }
}

/** The fault of a kind, if it is among those given. */
export function faultOf<K extends Fault['kind']>(
  faults: readonly Fault[],
  kind: K,
): Extract<Fault, { kind: K }> | undefined {
  return faults.find((fault): fault is Extract<Fault, { kind: K }> => fault.kind === kind);
}

function fits(match: FaultMatch, method: string, path: string): boolean {
  if (match.method !== undefined && match.method !== method) return false;
  if (match.path !== undefined && !match.path.test(path)) return false;
  return match.digest === undefined || path.endsWith(match.digest);
}
