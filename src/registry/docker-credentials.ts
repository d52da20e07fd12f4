import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Credential, CredentialProvider } from './client.js';
import { CredentialsError } from './errors.js';

const entry = v.object({
  auth: v.optional(v.string()),
  username: v.optional(v.string()),
  password: v.optional(v.string()),
  identitytoken: v.optional(v.string()),
});
const file = v.object({ auths: v.optional(v.record(v.string(), entry), {}) });

/**
 * The credentials that `docker login`, `podman login` and `skopeo login` have written: the `auths`
 * of `REGISTRY_AUTH_FILE`, else of docker's config.json (in `DOCKER_CONFIG`, or `~/.docker`). A
 * file that isn't there has none. Read once, on the first question.
 */
export function dockerCredentials(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): CredentialProvider {
  const path =
    environment['REGISTRY_AUTH_FILE'] ??
    join(environment['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), 'config.json');
  let auths: Promise<Readonly<Record<string, v.InferOutput<typeof entry>>>> | undefined;
  return async (host) => {
    auths ??= readAuths(path);
    const known = await auths;
    const name = namesOf(host).find((each) => Object.hasOwn(known, each));
    const found = name === undefined ? undefined : known[name];
    return found === undefined ? undefined : credentialOf(path, found);
  };
}

async function readAuths(path: string): Promise<Record<string, v.InferOutput<typeof entry>>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return {};
  }
  const outcome = v.safeParse(v.pipe(v.string(), v.parseJson(), file), text);
  if (outcome.success) return outcome.output.auths;
  const hint = 'Log in anew, or repair the file.';
  throw new CredentialsError(`${path} is not a file of credentials`, { hint });
}

/** Docker Hub goes by the address that docker has always written. */
function namesOf(host: string): string[] {
  if (host !== 'docker.io') return [host, `https://${host}`, `http://${host}`];
  return ['docker.io', 'https://index.docker.io/v1/', 'index.docker.io'];
}

function credentialOf(path: string, found: v.InferOutput<typeof entry>): Credential | undefined {
  if (found.identitytoken !== undefined && found.identitytoken !== '') {
    return { kind: 'identity', token: found.identitytoken };
  }
  const { username, password, auth } = found;
  if (username !== undefined && password !== undefined)
    return { kind: 'basic', username, password };
  if (auth === undefined || auth === '') return undefined;
  const pair = Buffer.from(auth, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (colon < 0) {
    const hint = 'Log in anew, or repair the file.';
    throw new CredentialsError(`${path} has an entry that is no user and password`, { hint });
  }
  return { kind: 'basic', username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}
