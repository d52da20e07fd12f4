import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import type { Credential } from './client.js';
import { CredentialsError } from './errors.js';

/** The part that rxfer reads of docker's config.json or podman's auth.json. */
export interface AuthFile {
  /** Its path, or what else it came from, for messages. */
  readonly name: string;
  /** Credentials by registry, or by repository as in `quay.io/team/app` or `quay.io/team`. */
  readonly auths: Readonly<Record<string, AuthEntry>>;
  /** Names of credential helpers by registry. */
  readonly credHelpers: Readonly<Record<string, string>>;
  /** The credential helper of all other registries. */
  readonly credsStore: string | undefined;
}

/** One of the `auths`; empty where a credential helper keeps what belongs here. */
export type AuthEntry = v.InferOutput<typeof entry>;

const entry = v.object({
  /** `user:password` in base64. */
  auth: v.optional(v.string()),
  username: v.optional(v.string()),
  password: v.optional(v.string()),
  identitytoken: v.optional(v.string()),
  registrytoken: v.optional(v.string()),
});
const document = v.object({
  auths: v.nullish(v.record(v.string(), entry)),
  credHelpers: v.nullish(v.record(v.string(), v.string())),
  credsStore: v.nullish(v.string()),
});
const hint = 'Log in anew, or repair it.';

/** Reads a file; `undefined` where there is none or it is not ours to read. */
export async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parseAuthFile(path, text);
}

/**
 * Reads the content of such a file; an empty one has nothing.
 *
 * @throws CredentialsError, which tells nothing of the content.
 */
export function parseAuthFile(name: string, text: string): AuthFile {
  if (text.trim() === '') return { name, auths: {}, credHelpers: {}, credsStore: undefined };
  const outcome = v.safeParse(v.pipe(v.string(), v.parseJson(), document), text);
  if (!outcome.success)
    throw new CredentialsError(`${name} is not a file of credentials`, { hint });
  const { auths, credHelpers, credsStore } = outcome.output;
  return {
    name,
    auths: auths ?? {},
    credHelpers: credHelpers ?? {},
    credsStore: credsStore ?? undefined,
  };
}

/** The credential that a file has itself: the repository's, else that of the nearest above it. */
export function credentialIn(
  file: AuthFile,
  host: string,
  repository: string | undefined,
): Credential | undefined {
  const below = (repository ?? '').split('/').filter((part) => part !== '');
  for (let depth = below.length; depth >= 0; depth--) {
    const scope = [host, ...below.slice(0, depth)].join('/');
    const found = Object.hasOwn(file.auths, scope) ? file.auths[scope] : undefined;
    const credential = found === undefined ? undefined : credentialOf(file.name, found);
    if (credential !== undefined) return credential;
  }
  const legacy = Object.entries(file.auths).filter(([key]) => key !== host && isFor(key, host));
  return legacy.map(([, found]) => credentialOf(file.name, found)).find(Boolean);
}

/**
 * Tells whether a key, in any of the forms that were ever written, stands for a whole registry:
 * `https://index.docker.io/v1/` is docker.io.
 */
export function isFor(key: string, host: string): boolean {
  const bare = key.replace(/^https?:\/\//, '').replace(/(?:\/v[12])?\/?$/, '');
  return bare === host || (host === 'docker.io' && /^(?:index|registry-1)\.docker\.io$/.test(bare));
}

/** The key that docker writes for a registry, which all others understand. */
export function keyOf(host: string): string {
  return host === 'docker.io' ? 'https://index.docker.io/v1/' : host;
}

function credentialOf(name: string, found: AuthEntry): Credential | undefined {
  const { username, password, auth, identitytoken, registrytoken } = found;
  if (registrytoken) return { kind: 'bearer', token: registrytoken };
  if (identitytoken) return { kind: 'identity', token: identitytoken };
  if (username && password !== undefined) return { kind: 'basic', username, password };
  if (!auth) return undefined;
  // Docker has written some with trailing zeros.
  const pair = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = pair.indexOf(':');
  if (colon < 0) {
    throw new CredentialsError(`${name} has an entry that is no user and password`, { hint });
  }
  return { kind: 'basic', username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}
