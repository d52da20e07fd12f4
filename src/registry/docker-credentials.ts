import { homedir } from 'node:os';
import { join } from 'node:path';
import { credentialIn, parseAuthFile, readAuthFile, type AuthFile } from './auth-file.js';
import type { Credential, CredentialProvider } from './client.js';
import { CredentialHelper } from './credential-helper.js';
import { valueOf, type Environment } from './environment.js';

/**
 * The credentials that `docker login`, `podman login`, `skopeo login` and `rxfer login` have
 * left, from the first of these that has one for the registry:
 *
 * 1. `DOCKER_AUTH_CONFIG`, which holds the content of such a file;
 * 2. `REGISTRY_AUTH_FILE`, the path of one; the ones below are not looked at then;
 * 3. docker's config.json, in `DOCKER_CONFIG` or `~/.docker`;
 * 4. podman's auth.json, in `XDG_RUNTIME_DIR/containers`, then in `XDG_CONFIG_HOME/containers`
 *    or `~/.config/containers`.
 *
 * In each, `credHelpers` and `credsStore` come before `auths`. Read anew each time it is asked;
 * a registry client asks once a repository.
 *
 * @throws CredentialsError, when asked, where a file or a helper can't be understood.
 */
export function dockerCredentials(environment: Environment = process.env): CredentialProvider {
  return async (host, repository) => {
    const inline = valueOf(environment, 'DOCKER_AUTH_CONFIG');
    if (inline !== undefined) {
      const file = parseAuthFile('DOCKER_AUTH_CONFIG', inline);
      const found = await credentialFrom(file, host, repository, environment);
      if (found !== undefined) return found;
    }
    for (const path of authFiles(environment)) {
      const file = await readAuthFile(path);
      const found = file && (await credentialFrom(file, host, repository, environment));
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

/** The files that may hold credentials, first the one that a login goes to. */
export function authFiles(environment: Environment): readonly [string, ...string[]] {
  const chosen = valueOf(environment, 'REGISTRY_AUTH_FILE');
  if (chosen !== undefined) return [chosen];
  const home = valueOf(environment, 'HOME') ?? homedir();
  const docker = valueOf(environment, 'DOCKER_CONFIG') ?? join(home, '.docker');
  const runtime = valueOf(environment, 'XDG_RUNTIME_DIR');
  const config = valueOf(environment, 'XDG_CONFIG_HOME') ?? join(home, '.config');
  const podman = [...(runtime === undefined ? [] : [runtime]), config];
  return [
    join(docker, 'config.json'),
    ...podman.map((folder) => join(folder, 'containers', 'auth.json')),
  ];
}

/** The helper that keeps a registry's credential, where a file names one. */
export function helperFor(
  file: AuthFile,
  host: string,
  environment: Environment,
): CredentialHelper | undefined {
  const own = Object.hasOwn(file.credHelpers, host) ? file.credHelpers[host] : undefined;
  const name = own ?? file.credsStore;
  return name ? new CredentialHelper(name, environment) : undefined;
}

async function credentialFrom(
  file: AuthFile,
  host: string,
  repository: string | undefined,
  environment: Environment,
): Promise<Credential | undefined> {
  const kept = await helperFor(file, host, environment)?.get(host);
  return kept ?? credentialIn(file, host, repository);
}
