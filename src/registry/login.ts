import { randomUUID } from 'node:crypto';
import { mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isFor, keyOf, parseAuthFile, type AuthFile } from './auth-file.js';
import { authFiles, helperFor } from './docker-credentials.js';
import type { Environment } from './environment.js';
import { CredentialsError } from './errors.js';
import { basicValue } from './token-server.js';

/** A user's name and password on a registry. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/**
 * Keeps a login where `dockerCredentials()` and docker find it: in the credential helper that the
 * configuration names, else in the file (`REGISTRY_AUTH_FILE`, else docker's config.json), which
 * is replaced whole, readable by its owner alone, and keeps all that is in it besides. Whether the
 * registry takes the login is not asked here.
 *
 * @returns Where it was put, for people.
 * @throws CredentialsError
 */
export async function storeLogin(
  host: string,
  { username, password }: Login,
  environment: Environment = process.env,
): Promise<string> {
  const [path] = authFiles(environment);
  const { file, fields } = await open(path);
  const helper = helperFor(file, host, environment);
  await helper?.store(host, username, password);
  // With a helper, an empty entry tells that it has something.
  const entry = helper === undefined ? { auth: basicValue(username, password) } : {};
  const others = Object.entries(authsOf(fields)).filter(([key]) => !isFor(key, host));
  await replace(path, {
    ...fields,
    auths: { ...Object.fromEntries(others), [keyOf(host)]: entry },
  });
  return helper === undefined ? path : 'the credential helper';
}

/**
 * Removes what is kept for a registry from every file, and from every helper that these name.
 *
 * @returns The files that had something.
 * @throws CredentialsError
 */
export async function eraseLogin(
  host: string,
  environment: Environment = process.env,
): Promise<string[]> {
  const changed: string[] = [];
  for (const path of authFiles(environment)) {
    const { file, fields } = await open(path);
    const erased = (await helperFor(file, host, environment)?.erase(host)) ?? false;
    const auths = Object.entries(authsOf(fields));
    const others = auths.filter(([key]) => !isFor(key, host));
    if (others.length < auths.length) {
      await replace(path, { ...fields, auths: Object.fromEntries(others) });
    }
    if (erased || others.length < auths.length) changed.push(path);
  }
  return changed;
}

type Fields = Readonly<Record<string, unknown>>;

/** A file in the form that is understood, and with all that it holds. */
async function open(path: string): Promise<{ file: AuthFile; fields: Fields }> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return '';
    throw new CredentialsError(`${path} can't be read`, { hint: 'See who owns it.', cause });
  });
  const file = parseAuthFile(path, text);
  return { file, fields: text.trim() === '' ? {} : (JSON.parse(text) as Fields) };
}

function authsOf(fields: Fields): Fields {
  return (fields['auths'] ?? {}) as Fields;
}

/** In one step, so that nobody finds half a file; a link stays one. */
async function replace(path: string, fields: Fields): Promise<void> {
  const file = await realpath(path).catch(() => path);
  const beside = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const text = `${JSON.stringify(fields, undefined, '\t')}\n`;
    await writeFile(beside, text, { mode: 0o600, flag: 'wx', flush: true });
    await rename(beside, file);
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => undefined);
    throw new CredentialsError(`${path} can't be written`, { hint: 'See who owns it.', cause });
  }
}
