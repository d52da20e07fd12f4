import type { SecureContext } from 'node:tls';
import { Pool } from 'undici';
import { gatherBytes } from './gather-bytes.js';
import { largeReads } from './large-reads.js';
import type { ClientSettings } from './options.js';
import { proxiedPool, type OriginPool, type ProxyServer } from './proxied-pool.js';
import { watchForStalls } from './stall-watch.js';

/** The sockets to one origin are made with this. */
export interface OriginPoolOptions {
  readonly origin: string;
  readonly settings: ClientSettings;
  /** Only for an origin that is spoken to in HTTPS. */
  readonly secure: { readonly context: SecureContext; readonly verify: boolean } | undefined;
  /** Where it isn't spoken to directly. */
  readonly proxy: ProxyServer | undefined;
}

/** Bytes that the headers of an answer may have in all. */
const maxHeaderSize = 16 * 1024;

/** Makes the pool of an origin: to the origin itself, or through the proxy that stands for it. */
export function createPool(options: OriginPoolOptions): OriginPool {
  const { dispatcher, destroy } = plainPool(options);
  return {
    dispatcher: dispatcher.compose(watchForStalls(options.settings), gatherBytes()),
    destroy,
  };
}

function plainPool({ origin, settings, secure, proxy }: OriginPoolOptions): OriginPool {
  const { connectTimeout, headersTimeout, bodyTimeout } = settings;
  const connect = {
    timeout: connectTimeout,
    ...(secure && { secureContext: secure.context, rejectUnauthorized: secure.verify }),
  };
  const options = { connect, headersTimeout, bodyTimeout, maxHeaderSize };
  if (proxy !== undefined) return proxiedPool(origin, options, proxy);
  const pool = new Pool(origin, secure ? options : { ...options, connect: largeReads(connect) });
  return { dispatcher: pool, destroy: (reason) => pool.destroy(reason) };
}
