import { Option, type Command } from 'commander';

/** The options of all commands that speak to registries. */
export interface RegistryOptions {
  readonly plainHttp?: boolean;
  readonly tlsVerify?: 'true' | 'false';
  readonly certsDir?: string;
  readonly mirror?: readonly string[];
  readonly hostsDir?: string;
  readonly chunks?: number;
  readonly uploadChunkSize?: number;
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
