import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { valueOf, type Environment } from './environment.js';
import { TlsError } from './errors.js';
import { checkPem, pemHint, type PemKind } from './pem.js';
import { isStatedFolder } from './stated-folder.js';
import type { ClientCertificate, TlsProvider, TlsSettings } from './tls.js';

/** What {@link certificates} is built with. */
export interface CertificatesOptions {
  /** Folders that are searched first, in their order; they must be there. */
  readonly folders?: readonly string[];
  /** Registries (`name[:port]`) whose certificate isn't verified, and no others. */
  readonly unverified?: readonly string[];
  /** Default `process.env`. */
  readonly environment?: Environment;
}

/**
 * What docker, podman and skopeo keep for registries in `certs.d/NAME[:PORT]`: authorities in
 * `*.crt`, and the client's certificate in `*.cert` with its key in `*.key` of the same name. The
 * first folder that knows the host counts: those given, `~/.config/containers/certs.d`,
 * `/etc/containers/certs.d`, `/etc/docker/certs.d`. Each host is looked up once.
 *
 * @throws TlsError, when asked, for a certificate without a key, a key without a certificate, and a
 * file that is no PEM, and for one of the folders given that isn't there; it names what is at fault.
 */
export function certificates(options: CertificatesOptions = {}): TlsProvider {
  const { folders = [], unverified = [], environment = process.env } = options;
  const home = valueOf(environment, 'HOME') ?? homedir();
  const config = valueOf(environment, 'XDG_CONFIG_HOME') ?? join(home, '.config');
  const all = [
    ...folders,
    join(config, 'containers', 'certs.d'),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ];
  const open = new Set(unverified.map(addressOf));
  const known = new Map<string, Promise<TlsSettings | undefined>>();
  return (host) => {
    const found =
      known.get(host) ??
      checkFolders(host, folders).then(() => settingsFor(host, all, open.has(addressOf(host))));
    known.set(host, found);
    return found;
  };
}

async function checkFolders(host: string, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    if (await isStatedFolder(folder)) continue;
    const hint = 'Create the folder, or state another one (--certs-dir).';
    throw new TlsError(`${folder} has no certificates: there is no such folder`, { host, hint });
  }
}

async function settingsFor(
  host: string,
  folders: readonly string[],
  isUnverified: boolean,
): Promise<TlsSettings | undefined> {
  const found = await firstOf(host, folders);
  return isUnverified ? { ...found, verify: false } : found;
}

async function firstOf(host: string, folders: readonly string[]): Promise<TlsSettings | undefined> {
  const names = /:\d+$/.test(host) ? [host] : [host, `${host}:443`];
  for (const folder of folders) {
    for (const name of names) {
      const files = await readdir(join(folder, name)).catch(() => []);
      if (files.length > 0) return readFolder(host, join(folder, name), files.sort());
    }
  }
  return undefined;
}

async function readFolder(
  host: string,
  folder: string,
  files: readonly string[],
): Promise<TlsSettings> {
  const read = async (name: string, kind: PemKind): Promise<string> => {
    const text = await readFile(join(folder, name), 'utf8').catch((cause: unknown) => {
      const hint = 'A certificate and its key have names that differ in .cert and .key alone.';
      throw new TlsError(`${join(folder, name)} can't be read`, { host, hint, cause });
    });
    try {
      checkPem(kind, text);
      return text;
    } catch (cause) {
      throw new TlsError(`${join(folder, name)} can't be used`, { host, hint: pemHint, cause });
    }
  };
  const clients = new Set(
    files.filter((name) => /\.(?:cert|key)$/.test(name)).map((name) => name.replace(/\.\w+$/, '')),
  );
  return {
    ca: await Promise.all(
      files.filter((name) => name.endsWith('.crt')).map((name) => read(name, 'certificate')),
    ),
    clients: await Promise.all(
      [...clients].map(async (name): Promise<ClientCertificate> => ({
        cert: await read(`${name}.cert`, 'certificate'),
        key: await read(`${name}.key`, 'key'),
      })),
    ),
  };
}

/** The host as it stands in addresses: docker.io's own server, no default port. */
function addressOf(host: string): string {
  const url = `https://${host === 'docker.io' ? 'registry-1.docker.io' : host}`;
  return URL.canParse(url) ? new URL(url).host : host;
}
