import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { Environment } from './environment.js';

/** A certificate with its key, which the client shows of itself (mutual TLS). */
export interface ClientCertificate {
  /** PEM; the certificate first, then those that lead to its authority. */
  readonly cert: string;
  /** PEM, not encrypted. */
  readonly key: string;
}

/** How secure connections to one host are made. */
export interface TlsSettings {
  /** PEM; authorities that are trusted for this host, beside the system's. */
  readonly ca?: readonly string[];
  readonly clients?: readonly ClientCertificate[];
  /**
   * False takes whatever certificate the host shows, so that whoever stands in between can read
   * and change everything. Default true.
   */
  readonly verify?: boolean;
}

/** Looks up the settings for a host (`name[:port]`); `undefined`: what the system trusts. */
export type TlsProvider = (host: string) => Promise<TlsSettings | undefined>;

/** Tells settings apart by what is in them; equal settings share their sockets. */
export function tlsIdentity({ ca = [], clients = [], verify = true }: TlsSettings): string {
  const pairs = clients.map(({ cert, key }) => [cert, key]);
  return createHash('sha256')
    .update(JSON.stringify([ca, pairs, verify]))
    .digest('hex');
}

/** What the sockets of one host are made secure with. Takes some ms: hundreds of roots. */
export function secureContext(settings: TlsSettings, roots: readonly string[]): SecureContext {
  const { ca = [], clients = [] } = settings;
  return createSecureContext({
    ca: [...roots, ...ca],
    cert: clients.map(({ cert }) => cert),
    key: clients.map(({ key }) => key),
  });
}

// Debian and Alpine, Fedora, openSUSE, older RHEL, newer RHEL, BSD and Alpine.
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * The authorities that the system trusts, as PEM: `SSL_CERT_FILE`, else the first bundle that is
 * where distributions keep it, else those that Node brings along; and `NODE_EXTRA_CA_CERTS`.
 */
export async function systemRoots(environment: Environment = process.env): Promise<string[]> {
  const { SSL_CERT_FILE: chosen, NODE_EXTRA_CA_CERTS: extra } = environment;
  const roots = await firstReadable(chosen ? [chosen] : bundles);
  const more = await firstReadable(extra ? [extra] : []);
  return [...(roots.length > 0 ? roots : rootCertificates), ...more];
}

/** One bundle, or none. */
async function firstReadable(paths: readonly string[]): Promise<string[]> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.includes('-----BEGIN CERTIFICATE-----')) return [text];
  }
  return [];
}
