import type { Location } from '../image/index.js';
import {
  certificates,
  createRegistryClient,
  dockerCredentials,
  environmentProxies,
  type CredentialProvider,
  type RegistryClient,
} from '../registry/index.js';
import type { LogOptions } from './log-options.js';
import { openLogger } from './logging.js';
import type { RegistryOptions } from './registry-options.js';
import { tuneForWork } from './v8-flags.js';

/**
 * A client by these options, its owner's to close.
 *
 * @param hosts - The registries that the command names: what the options loosen, they loosen for
 * these alone.
 */
export function openClient(
  options: RegistryOptions & LogOptions,
  hosts: readonly string[],
  credentials: CredentialProvider = dockerCredentials(),
): RegistryClient {
  const { plainHttp, tlsVerify, certsDir, mirror, hostsDir, chunks, uploadChunkSize } = options;
  // Whoever speaks of certificates means HTTPS.
  const isSecure = plainHttp === false || tlsVerify === 'false';
  return createRegistryClient({
    credentials,
    logger: openLogger(options),
    plainHttp: plainHttp === true ? hosts : isSecure ? 'never' : 'loopback',
    tls: certificates({
      folders: certsDir === undefined ? [] : [certsDir],
      unverified: tlsVerify === 'false' ? hosts : [],
    }),
    proxies: environmentProxies(),
    hostsFolder: hostsDir,
    observeRequest: async ({ method, path = '' }, send) => {
      const answer = await send();
      if (method === 'GET' && path.includes('/blobs/')) tuneForWork();
      return answer;
    },
    ...(mirror === undefined ? {} : { mirrors: mirror }),
    ...(chunks === undefined ? {} : { chunks }),
    ...(uploadChunkSize === undefined ? {} : { uploadChunkSize }),
  });
}

/** The registries among the places that a command names. */
export function hostsOf(locations: readonly Location[]): string[] {
  return locations.flatMap((each) => (each.kind === 'registry' ? each.reference.host : []));
}
