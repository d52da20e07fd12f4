import { Option, type Command } from 'commander';
import type { Location } from '../image/index.js';
import {
  certificates,
  createRegistryClient,
  dockerCredentials,
  environmentProxies,
  type CredentialProvider,
  type RegistryClient,
} from '../registry/index.js';

/** The options of all commands that speak to registries. */
export interface RegistryOptions {
  readonly plainHttp?: boolean;
  readonly tlsVerify?: 'true' | 'false';
  readonly certsDir?: string;
  readonly mirror?: readonly string[];
  readonly hostsDir?: string;
  readonly chunks?: number;
}

/** Adds what says how registries are spoken to. */
export function withRegistry(command: Command): Command {
  return withCertificates(
    command
      .option('--plain-http', 'speak plain HTTP to the registries named, not to loopback alone')
      .option('--no-plain-http', 'speak HTTPS to loopback as well')
      .addOption(
        new Option('--tls-verify <bool>', 'verify the certificates of the registries named')
          .choices(['true', 'false'])
          .default('true'),
      ),
  );
}

/** Adds `--certs-dir`. */
export function withCertificates(command: Command): Command {
  return command.option(
    '--certs-dir <dir>',
    'folder of certificates by registry, as /etc/docker/certs.d',
  );
}

/**
 * A client by these options, its owner's to close.
 *
 * @param hosts - The registries that the command names: what the options loosen, they loosen for
 * these alone.
 */
export function openClient(
  options: RegistryOptions,
  hosts: readonly string[],
  credentials: CredentialProvider = dockerCredentials(),
): RegistryClient {
  const { plainHttp, tlsVerify, certsDir, mirror, hostsDir, chunks } = options;
  // Whoever speaks of certificates means HTTPS.
  const isSecure = plainHttp === false || tlsVerify === 'false';
  return createRegistryClient({
    credentials,
    plainHttp: plainHttp === true ? hosts : isSecure ? 'never' : 'loopback',
    tls: certificates({
      folders: certsDir === undefined ? [] : [certsDir],
      unverified: tlsVerify === 'false' ? hosts : [],
    }),
    proxies: environmentProxies(),
    hostsFolder: hostsDir,
    ...(mirror === undefined ? {} : { mirrors: mirror }),
    ...(chunks === undefined ? {} : { chunks }),
  });
}

/** The registries among the places that a command names. */
export function hostsOf(locations: readonly Location[]): string[] {
  return locations.flatMap((each) => (each.kind === 'registry' ? each.reference.host : []));
}
