import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { Endpoint } from './endpoints.js';
import { HostsFileError } from './errors.js';
import type { HostEntry } from './hosts-toml.js';
import { checkPem, pemHint, type PemKind } from './pem.js';
import { serverAddress } from './server-address.js';
import { isStatedFolder } from './stated-folder.js';
import type { ClientCertificate, TlsSettings } from './tls.js';

/** A server as it is configured. */
export interface ConfiguredHost extends Omit<Endpoint, 'host' | 'base' | 'namespace'> {
  /** Where its API is; for the registry itself, where it is otherwise. */
  readonly base?: URL;
}

/**
 * Reads what a folder such as `/etc/containerd/certs.d` says of a registry: the `hosts.toml` in the
 * first of `name_port_`, `name:port` and `_default` that is there, or certificates in its place as
 * docker knows them (`*.crt` to trust; `*.cert` and `*.key` to show).
 *
 * The hosts are in the order in which they are to be asked, and the last one is the registry itself
 * or what stands in its place.
 *
 * @throws HostsFileError, also where there is no such folder.
 */
export async function readHostsFolder(root: string, registry: string): Promise<ConfiguredHost[]> {
  for (const name of folderNames(registry)) {
    const folder = join(root, name);
    const files = await readdir(folder).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw new HostsFileError(folder, String(error), { cause: error });
    });
    if (files === undefined) continue;
    const file = join(folder, 'hosts.toml');
    const text = files.includes('hosts.toml') ? await read(file, file) : '';
    if (text.trim() === '') return [await certificatesOf(folder, files)];
    return configuredHosts(registry, file, text);
  }
  await checkFolder(root);
  return [{}];
}

/** The address of a server, as requests to it need it: with a slash at the end. */
export function apiAddress(server: string, path: HostEntry['path']): URL | undefined {
  const url = serverAddress(server);
  if (url === undefined) return undefined;
  const plain = url.pathname.replace(/\/+/g, '/').replace(/\/$/, '');
  const isGiven = path === 'given' || plain.endsWith('/v2');
  url.pathname = `${plain}${isGiven ? '' : '/v2'}/`;
  url.hash = '';
  return url;
}

async function checkFolder(root: string): Promise<void> {
  if (await isStatedFolder(root)) return;
  const hint = 'Create the folder, or state another one (--hosts-dir).';
  throw new HostsFileError(root, 'there is no such folder', { hint });
}

function folderNames(registry: string): string[] {
  // A name that leads elsewhere is none that a registry could have.
  if (/[/\\]|^\.{0,2}$/.test(registry)) return [];
  const ported = registry.replace(/:(\d+)$/, '_$1_');
  return [...new Set([ported, registry, '_default'])];
}

async function configuredHosts(
  registry: string,
  file: string,
  text: string,
): Promise<ConfiguredHost[]> {
  // Few have such a file.
  const { parseHostsToml } = await import('./hosts-toml.js');
  try {
    return await Promise.all(parseHostsToml(text).map((entry) => configuredHost(file, entry)));
  } catch (error) {
    if (error instanceof HostsFileError) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    throw new HostsFileError(file, problem, { host: registry });
  }
}

async function configuredHost(file: string, entry: HostEntry): Promise<ConfiguredHost> {
  const { capabilities, headers, dialTimeout, proxy, ca, client, skipVerify } = entry;
  const folder = dirname(file);
  const path = (name: string): string => (isAbsolute(name) ? name : join(folder, name));
  const tls: TlsSettings = {
    ca: await Promise.all(ca.map((name) => readPem('certificate', path(name), file))),
    clients: await Promise.all(
      client.map(({ cert, key }) => clientCertificate(path(cert), path(key ?? cert), file)),
    ),
    ...(skipVerify === undefined ? {} : { verify: !skipVerify }),
  };
  const base = entry.server === undefined ? undefined : apiAddress(entry.server, entry.path);
  const isOwn = ca.length + client.length > 0 || skipVerify !== undefined;
  return {
    ...(base === undefined ? {} : { base }),
    capabilities,
    headers,
    ...(isOwn ? { tls } : {}),
    ...(dialTimeout === undefined ? {} : { connectTimeout: dialTimeout }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

/** Docker's form: every `.crt` is to be trusted, every `.cert` is shown, with the `.key` by it. */
async function certificatesOf(folder: string, files: readonly string[]): Promise<ConfiguredHost> {
  const ending = (suffix: string): string[] =>
    files.filter((name) => name.endsWith(suffix)).sort((a, b) => (a < b ? -1 : 1));
  const ca = ending('.crt').map((name) => readPem('certificate', join(folder, name), folder));
  const clients = ending('.cert').map((name) => {
    const key = `${basename(name, '.cert')}.key`;
    return clientCertificate(
      join(folder, name),
      join(folder, files.includes(key) ? key : name),
      folder,
    );
  });
  if (ca.length + clients.length === 0) return {};
  return { tls: { ca: await Promise.all(ca), clients: await Promise.all(clients) } };
}

async function clientCertificate(
  cert: string,
  key: string,
  file: string,
): Promise<ClientCertificate> {
  return {
    cert: await readPem('certificate', cert, file),
    key: await readPem('key', key, file),
  };
}

async function readPem(kind: PemKind, path: string, file: string): Promise<string> {
  const text = await read(path, file);
  try {
    checkPem(kind, text);
    return text;
  } catch (cause) {
    throw new HostsFileError(file, `${path} is no PEM of a ${kind}`, { hint: pemHint, cause });
  }
}

async function read(path: string, file: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new HostsFileError(file, `${path} can't be read`, { cause: error });
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
