import { isIP } from 'node:net';
import * as path from 'node:path';
import { InvalidAddressError } from './errors.js';

/** Where a server listens. */
export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  /** Port 0: one that is free. */
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/**
 * Reads `unix:PATH` or `tcp:HOST:PORT`, also with the two slashes that Docker writes.
 *
 * @throws InvalidAddressError
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, unix] = /^unix:(?:\/\/(?=\/))?(.+)$/.exec(text) ?? [];
  if (unix !== undefined) return { kind: 'unix', path: path.resolve(unix) };
  const [, bracketed, plain, port = ''] =
    /^tcp:(?:\/\/)?(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) {
    throw new InvalidAddressError(text);
  }
  return { kind: 'tcp', host, port: Number(port) };
}

/** The address as Docker's clients take it: `unix:///PATH` or `tcp://HOST:PORT`. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  const { host, port } = address;
  return `tcp://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** Tells whether nobody but this machine can reach the host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
