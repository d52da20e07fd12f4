import { hostname } from 'node:os';
import { isIP } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback, type ListenAddress } from './address.js';
import { EngineAccessError } from './errors.js';

/**
 * Refuses what a page of another origin makes a browser send, and what comes under a name that
 * may have been led here (DNS rebinding). Docker's clients send no Origin and no Sec-Fetch-Site.
 *
 * @throws EngineAccessError
 */
export function checkAccess(headers: IncomingHttpHeaders, address: ListenAddress): void {
  const { host = '', origin } = headers;
  // Nobody's name leads to a socket in the file system.
  if (address.kind === 'tcp' && !isOwnName(nameOf(host), address.host)) {
    throw new EngineAccessError(`'${host.slice(0, 100)}' is not a name of this engine`);
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    throw new EngineAccessError('it comes from a page of another origin');
  }
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new EngineAccessError('it comes from a page of another site');
  }
}

/** An address can't be led elsewhere, as a name can: any will do where it is reachable at all. */
function isOwnName(name: string, listening: string): boolean {
  if (isLoopback(name) || name === listening) return true;
  return !isLoopback(listening) && (isIP(name) !== 0 || name === hostname());
}

function nameOf(host: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(host) ?? [];
  return (bracketed ?? plain ?? '').toLowerCase();
}
