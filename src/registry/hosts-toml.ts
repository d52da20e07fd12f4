import { parse, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { capabilities, type Capability } from './endpoints.js';
import { parseProxy, proxyProblem } from './proxies.js';
import { serverAddress } from './server-address.js';

/** One server that a hosts.toml names. */
export interface HostEntry {
  /** As the file has it; `undefined` for the registry itself. */
  readonly server: string | undefined;
  readonly capabilities: readonly Capability[];
  /** Whether the path of `server` is that of the API already, without `/v2` added. */
  readonly path: 'given' | 'standard';
  /** Files with authorities that are trusted for this server. */
  readonly ca: readonly string[];
  /** Files of certificates to show, with those of their keys; none: in the same file. */
  readonly client: readonly { readonly cert: string; readonly key: string | undefined }[];
  /** `undefined` where the file doesn't say. */
  readonly skipVerify: boolean | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** In ms. */
  readonly dialTimeout: number | undefined;
  /** The proxy to go through; `undefined` where the file doesn't say. */
  readonly proxy: URL | undefined;
}

/**
 * Reads a hosts.toml of containerd (docs/hosts.md): the hosts in the order of the file, and last
 * the server that they stand for.
 *
 * @throws Error with a message that says where and what.
 */
export function parseHostsToml(text: string): HostEntry[] {
  const outcome = v.safeParse(file, parseToml(text));
  if (!outcome.success) {
    const [issue] = outcome.issues;
    const path = v.getDotPath(issue);
    throw new Error(path === null ? issue.message : `${path}: ${issue.message}`);
  }
  // smol-toml keeps the order in which tables are begun, as containerd does.
  const { host: hosts, server, ...root } = outcome.output;
  const named = Object.entries(hosts).map(([name, table]) => entryOf(name, table));
  const last = entryOf(server, root);
  // Containerd asks the registry itself for everything, whatever the file says of it.
  return [...named, server === undefined ? { ...last, capabilities } : last];
}

function parseToml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The rest of its message draws the place.
    const [problem = ''] = error.message.split('\n');
    throw new Error(`line ${error.line}, column ${error.column}: ${problem}`, { cause: error });
  }
}

const lines = v.pipe(v.string(), v.regex(/^[\t\x20-\x7e]*$/, 'is not a line of ASCII characters'));
const texts = v.union([
  v.pipe(
    v.string(),
    v.transform((one) => [one]),
  ),
  v.array(v.string()),
]);
const pair = v.union([
  v.pipe(
    v.string(),
    v.transform((cert) => ({ cert, key: undefined })),
  ),
  v.pipe(
    v.tuple([v.string(), v.string()]),
    v.transform(([cert, key]) => ({ cert, key: key === '' ? undefined : key })),
  ),
]);
const pairs = v.union([
  v.pipe(
    v.string(),
    v.transform((cert) => [{ cert, key: undefined }]),
  ),
  v.array(pair),
]);
const headerNames = v.pipe(
  v.string(),
  v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'is not the name of a header'),
);
const headers = v.record(
  headerNames,
  v.union([
    lines,
    v.pipe(
      v.array(lines),
      v.transform((values) => values.join(', ')),
    ),
  ]),
);
const fields = {
  capabilities: v.optional(
    v.array(
      v.pipe(
        v.string(),
        v.toLowerCase(),
        v.picklist(capabilities, "is none of 'pull', 'resolve', 'push'"),
      ),
    ),
    [],
  ),
  ca: v.optional(texts, []),
  client: v.optional(pairs, []),
  skip_verify: v.optional(v.boolean()),
  header: v.optional(headers, {}),
  override_path: v.optional(v.boolean(), false),
  dial_timeout: v.optional(
    v.pipe(
      v.string(),
      v.transform(durationOf),
      v.number("is not a duration, such as '1s' or '500ms'"),
    ),
  ),
  proxy: v.optional(
    v.pipe(
      v.string(),
      // A message would hold what is refused, and with it a password.
      v.rawTransform(({ dataset, addIssue, NEVER }) => {
        const problem = proxyProblem(dataset.value);
        const proxy = parseProxy(dataset.value);
        if (problem === undefined && proxy !== undefined) return proxy;
        addIssue({ message: problem ?? '' });
        return NEVER;
      }),
    ),
  ),
};
const address = v.pipe(
  v.string(),
  v.check((text) => serverAddress(text) !== undefined, 'is not an http or https address'),
);
const table = v.object(fields);
const file = v.object({
  ...fields,
  server: v.optional(address),
  host: v.optional(v.record(address, table), {}),
});

function entryOf(server: string | undefined, entry: v.InferOutput<typeof table>): HostEntry {
  return {
    server,
    capabilities: entry.capabilities.length === 0 ? capabilities : entry.capabilities,
    path: entry.override_path ? 'given' : 'standard',
    ca: entry.ca,
    client: entry.client,
    skipVerify: entry.skip_verify,
    headers: entry.header,
    dialTimeout: entry.dial_timeout,
    proxy: entry.proxy,
  };
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration as Go writes it, in ms. */
function durationOf(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (units[unit] ?? 0), 0);
}
