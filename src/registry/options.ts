import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { silentLogger, type Logger } from '../transfer/index.js';
import type { CredentialProvider } from './client.js';
import type { PlainHttp } from './endpoints.js';
import { InvalidClientOptionError } from './errors.js';
import { serverAddress } from './server-address.js';
import type { RequestObserver } from './observe-requests.js';
import { proxyProblem, type ProxySettings } from './proxies.js';
import type { TlsProvider } from './tls.js';

/** What {@link createRegistryClient} is built with. */
export interface RegistryClientOptions {
  /** Who the client is, by host. Default: anonymous. `dockerCredentials()` reads docker's. */
  readonly credentials?: CredentialProvider;
  /** Default `loopback`. */
  readonly plainHttp?: PlainHttp;
  /** How connections are made secure, by host. Default: by what the system trusts. */
  readonly tls?: TlsProvider;
  /** Default: none. `environmentProxies()` reads `HTTPS_PROXY` and the like. */
  readonly proxies?: ProxySettings;
  /** Addresses of mirrors that are asked first for whatever registry, in order. Default: none. */
  readonly mirrors?: readonly string[];
  /** A folder of hosts.toml files as containerd reads them. Default: none. */
  readonly hostsFolder?: string | undefined;
  /** Parts of one blob that are fetched at a time. Default 1: blobs are fetched in one piece. */
  readonly chunks?: number;
  /**
   * Bytes of such a part; as many are held in memory for each that is fetched ahead. Default 8 MiB.
   */
  readonly chunkSize?: number;
  /** Bytes from which a blob is fetched in parts. Default 32 MiB. */
  readonly chunkThreshold?: number;
  /** How long a connection may take to be there, in ms. Default 10,000. */
  readonly connectTimeout?: number;
  /** How long an answer may take to begin, in ms. Default 60,000; 0: any time. */
  readonly headersTimeout?: number;
  /** How long a body may stall without a byte, in ms. Default 30,000; 0: any time. */
  readonly bodyTimeout?: number;
  /**
   * Bytes of a chunk in which blobs are uploaded, at least what the registry asks for; 0: blobs
   * in one piece, which every registry takes. Chunks pass where a proxy limits the size of a
   * request. Default 0.
   */
  readonly uploadChunkSize?: number;
  /** The name that the client goes by in requests. Default `rxfer`. */
  readonly userAgent?: string;
  /** The clock by which tokens expire. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** Told of requests, tokens, and changes from one host to the next. Default: nobody is. */
  readonly logger?: Logger;
  /** Sees each HTTP request, to measure it or make a span of it. Default: nobody does. */
  readonly observeRequest?: RequestObserver;
}

/** The options with nothing left to defaults. */
export type ClientSettings = Required<RegistryClientOptions>;

const mebibyte = 1024 * 1024;

/** @throws InvalidClientOptionError that names the option. */
export function clientSettings(options: RegistryClientOptions): ClientSettings {
  const settings: ClientSettings = {
    credentials: () => Promise.resolve(undefined),
    plainHttp: 'loopback',
    tls: () => Promise.resolve(undefined),
    proxies: {},
    mirrors: [],
    hostsFolder: undefined,
    chunks: 1,
    chunkSize: 8 * mebibyte,
    chunkThreshold: 32 * mebibyte,
    connectTimeout: 10_000,
    headersTimeout: 60_000,
    bodyTimeout: 30_000,
    uploadChunkSize: 0,
    userAgent: 'rxfer',
    scheduler: asyncScheduler,
    logger: silentLogger,
    observeRequest: (_, send) => send(),
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  };
  for (const option of ['connectTimeout', 'headersTimeout', 'bodyTimeout'] as const) {
    if (!Number.isSafeInteger(settings[option]) || settings[option] < 0) {
      throw new InvalidClientOptionError(option, 'is not a whole number of ms, 0 or more');
    }
  }
  if (!Number.isSafeInteger(settings.uploadChunkSize) || settings.uploadChunkSize < 0) {
    throw new InvalidClientOptionError(
      'uploadChunkSize',
      'is not a whole number of bytes, 0 or more',
    );
  }
  for (const option of ['chunks', 'chunkSize', 'chunkThreshold'] as const) {
    if (!Number.isSafeInteger(settings[option]) || settings[option] < 1) {
      throw new InvalidClientOptionError(option, 'is not a whole number, 1 or more');
    }
  }
  if (!settings.mirrors.every((mirror) => serverAddress(mirror) !== undefined)) {
    throw new InvalidClientOptionError('mirrors', 'has an entry that is no http or https address');
  }
  if (!isPlainHttp(settings.plainHttp)) {
    throw new InvalidClientOptionError(
      'plainHttp',
      "is not 'loopback', 'always', 'never' or a list of hosts",
    );
  }
  for (const option of ['httpProxy', 'httpsProxy'] as const) {
    const proxy = settings.proxies[option];
    const problem = proxy === undefined ? undefined : proxyProblem(proxy);
    if (problem === undefined) continue;
    const variable = option === 'httpProxy' ? 'HTTP_PROXY' : 'HTTPS_PROXY';
    const hint = `Where it comes from the environment, correct ${variable} (or ALL_PROXY).`;
    throw new InvalidClientOptionError(`proxies.${option}`, problem, { hint });
  }
  if (!/^[\x20-\x7e]+$/.test(settings.userAgent)) {
    throw new InvalidClientOptionError('userAgent', 'is not a line of ASCII characters');
  }
  return settings;
}

function isPlainHttp(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((host) => typeof host === 'string');
  return value === 'loopback' || value === 'always' || value === 'never';
}
