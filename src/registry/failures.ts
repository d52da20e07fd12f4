import { types } from 'node:util';
import { errors } from 'undici';
import {
  ClientClosedError,
  ConnectionError,
  ForbiddenError,
  NotFoundError,
  RateLimitedError,
  type RegistryError,
  RegistryTimeoutError,
  RegistryUnavailableError,
  TlsError,
  UnauthorizedError,
  UnexpectedResponseError,
  type RegistryErrorOptions,
} from './errors.js';
import { DoNotRetry, RxferError } from '../transfer/index.js';

/** What a request is about, for the errors that it ends in. */
export type Concern = Pick<RegistryErrorOptions, 'host' | 'reference' | 'digest'>;

/** The parts of an answer that a failure is told from. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body as far as it is worth reading; empty for HEAD. */
  readonly text: string;
}

/**
 * The error of an answer that refuses what was asked. The registry's own words are made safe to
 * print, and `secrets` that it echoes are taken out.
 */
export function refusalError(
  refusal: Refusal,
  concern: Concern,
  now: number,
  secrets: readonly string[] = [],
): RegistryError {
  const { status } = refusal;
  const told = ownError(refusal.text, secrets);
  const words = [told.code, told.message].filter((part) => part !== '').join(': ');
  const what = concern.reference ?? concern.digest;
  const message = `${concern.host ?? 'The server'} answered ${status} ${meaning(status)}${
    what === undefined ? '' : ` for ${what}`
  }${words === '' ? '' : ` (${words})`}`;
  const retryAfter = retryAfterOf(refusal, now);
  const options: RegistryErrorOptions = {
    ...concern,
    status,
    ...(told.code === '' ? {} : { registryCode: told.code }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
  if (status === 401) return new UnauthorizedError(message, options);
  if (status === 403) return new ForbiddenError(message, options);
  if (status === 404) return new NotFoundError(message, options);
  if (status === 429) return new RateLimitedError(message, options);
  if (status === 408 || status >= 500) return new RegistryUnavailableError(message, options);
  if (status === 400 && /HTTP request (?:was )?(?:sent )?to (?:an )?HTTPS/i.test(refusal.text)) {
    const hint =
      'It speaks HTTPS alone: leave --plain-http out, or for a registry on loopback give --no-plain-http.';
    return new UnexpectedResponseError(message, { ...options, hint });
  }
  return new UnexpectedResponseError(message, options);
}

/**
 * The error of a request or body that broke off: the abort's own reason where the signal ended
 * it, what the client makes of the socket's error otherwise.
 */
export function connectionFailure(error: unknown, concern: Concern, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof ClientClosedError) return new ClientClosedError({ ...concern });
  // Whoever gives the body of a request has errors of their own.
  if (error instanceof RxferError) return error;
  const host = concern.host ?? 'the server';
  if (error instanceof errors.HTTPParserError) {
    // Its own error holds what the server sent, which may be an echo of what it was shown.
    const cause = new Error(error.message);
    return new UnexpectedResponseError(`${host} does not answer in HTTP`, { ...concern, cause });
  }
  const code = codeOf(error);
  const options = { ...concern, cause: error };
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
    // No connection that broke: where the answer ends was told in two ways.
    return new UnexpectedResponseError(
      `${host} answers with another length than it states`,
      options,
    );
  }
  if (/TIMEOUT|ETIMEDOUT/.test(code)) {
    const hint = 'Check the network and the registry, or allow more time.';
    return new RegistryTimeoutError(`${host} took too long (${code})`, { hint, ...options });
  }
  if (code === 'ENOTFOUND') {
    const hint = 'Check the spelling of the host and the name service.';
    const cause = new DoNotRetry(error);
    return new ConnectionError(`There is no host ${host}`, { hint, ...options, cause });
  }
  if (/^(?:ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/.test(code)) {
    const hint = tlsHint(code, host);
    return new TlsError(`No secure connection to ${host} (${code})`, { hint, ...options });
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return new UnexpectedResponseError(
      `${host} sends more headers than allowed (${code})`,
      options,
    );
  }
  const hint = 'Check that the registry runs, the port, and the network between.';
  const refused = code === 'ECONNREFUSED';
  const message = refused ? `${host} refuses connections` : `The connection to ${host} broke`;
  return new ConnectionError(`${message} (${code})`, { hint, ...options });
}

function tlsHint(code: string, host: string): string {
  if (/WRONG_VERSION|PACKET_LENGTH|EPROTO/.test(code)) {
    return 'It may speak plain HTTP, which has to be asked for by host.';
  }
  if (code.includes('ALTNAME')) {
    return 'Write the name that it was made for, or have its certificate made for this one, too.';
  }
  if (/EXPIRED|NOT_YET_VALID/.test(code)) {
    return 'Have its certificate renewed; check the clock of this machine, too.';
  }
  return `Put the authority that signed its certificate into /etc/docker/certs.d/${host}/ca.crt, or a folder of your own for --certs-dir.`;
}

/** `Retry-After` in ms, given in seconds or as a date (RFC 9110, 10.2.3). */
function retryAfterOf({ headers }: Refusal, now: number): number | undefined {
  const text = headers['retry-after'];
  if (typeof text !== 'string') return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The first of the errors in the body (distribution spec, Error Codes). */
function ownError(text: string, secrets: readonly string[]): { code: string; message: string } {
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: unknown; message?: unknown }[] };
    const first = errors?.[0];
    // A code is a word; what else may stand there is nothing to be passed on.
    const code = typeof first?.code === 'string' && /^\w{1,64}$/.test(first.code) ? first.code : '';
    return { code: safe(code, secrets), message: safe(first?.message, secrets) };
  } catch {
    return { code: '', message: '' };
  }
}

function safe(value: unknown, secrets: readonly string[]): string {
  if (typeof value !== 'string') return '';
  const open = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), value);
  return open.replace(/\p{C}+/gu, ' ').slice(0, 300);
}

function codeOf(error: unknown): string {
  // Not `instanceof`: the system's errors may come from another realm than ours.
  if (!types.isNativeError(error)) return String(error);
  const own = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (own === 'UND_ERR_SOCKET' || own === undefined) {
    return error.cause === undefined ? (own ?? error.name) : codeOf(error.cause);
  }
  return own;
}

const meanings: Readonly<Record<number, string>> = {
  400: 'bad request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not found',
  405: 'method not allowed',
  408: 'request timeout',
  413: 'content too large',
  416: 'range not satisfiable',
  429: 'too many requests',
  500: 'internal server error',
  502: 'bad gateway',
  503: 'service unavailable',
  504: 'gateway timeout',
};

function meaning(status: number): string {
  return meanings[status] ?? (status < 400 ? 'unexpectedly' : 'an error');
}
