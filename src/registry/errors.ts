import { final, RegistryError, type RegistryErrorOptions } from './registry-error.js';

export { RegistryError, type RegistryErrorOptions } from './registry-error.js';

/** No connection, or one that broke. Worth another attempt, but for hosts that don't exist. */
export class ConnectionError extends RegistryError {
  override readonly name: string = 'ConnectionError';

  constructor(
    message: string,
    options: RegistryErrorOptions,
    code: `ERR_${string}` = 'ERR_CONNECTION',
  ) {
    super(code, message, options);
  }
}

/** The server took too long to accept a connection, to answer, or to send the next byte. */
export class RegistryTimeoutError extends ConnectionError {
  override readonly name = 'RegistryTimeoutError';

  constructor(message: string, options: RegistryErrorOptions) {
    super(message, options, 'ERR_TIMEOUT');
  }
}

/** The secure connection could not be set up. Not retried. */
export class TlsError extends ConnectionError {
  override readonly name = 'TlsError';

  constructor(message: string, options: RegistryErrorOptions) {
    super(message, final(options), 'ERR_TLS');
  }
}

/** The client was closed, before the request or under it. Not retried. */
export class ClientClosedError extends RegistryError {
  override readonly name = 'ClientClosedError';

  constructor(options: RegistryErrorOptions = {}) {
    const hint = 'Create another client; a closed one stays closed.';
    super('ERR_CLIENT_CLOSED', 'The registry client was closed', final({ hint, ...options }));
  }
}

/** An option of the client that can't be used. */
export class InvalidClientOptionError extends RegistryError {
  override readonly name = 'InvalidClientOptionError';

  constructor(option: string, problem: string, options: RegistryErrorOptions = {}) {
    super('ERR_INVALID_CLIENT_OPTION', `The option '${option}' ${problem}`, final(options));
  }
}

/** The registry wants another identity than it was shown, or one at all (401). Not retried. */
export class UnauthorizedError extends RegistryError {
  override readonly name = 'UnauthorizedError';

  constructor(message: string, options: RegistryErrorOptions) {
    const hint = 'Log in to the registry, check the name, and see that the login may do this.';
    super('ERR_UNAUTHORIZED', message, final({ hint, ...options }));
  }
}

/** The registry knows who asks and refuses (403). Not retried. */
export class ForbiddenError extends RegistryError {
  override readonly name = 'ForbiddenError';

  constructor(message: string, options: RegistryErrorOptions) {
    const hint = 'Ask the owner of the repository for access, or log in as another user.';
    super('ERR_FORBIDDEN', message, final({ hint, ...options }));
  }
}

/** The registry doesn't have it (404). Not retried. */
export class NotFoundError extends RegistryError {
  override readonly name = 'NotFoundError';

  constructor(message: string, options: RegistryErrorOptions) {
    const isBlob = options.reference === undefined && options.digest !== undefined;
    const hint = isBlob
      ? 'The image names it, but the registry lacks it: push the image there again, or ask its owner.'
      : 'Check the spelling of the repository and of the tag or digest.';
    super('ERR_NOT_FOUND', message, final({ hint, ...options }));
  }
}

/** The registry wants fewer requests (429); `retryAfter` where it says for how long. */
export class RateLimitedError extends RegistryError {
  override readonly name = 'RateLimitedError';

  constructor(message: string, options: RegistryErrorOptions) {
    const hint = 'Wait, or log in: registries allow known users more.';
    super('ERR_RATE_LIMITED', message, { hint, ...options });
  }
}

/** The registry failed (5xx, 408); `retryAfter` where it says how long to wait. */
export class RegistryUnavailableError extends RegistryError {
  override readonly name = 'RegistryUnavailableError';

  constructor(message: string, options: RegistryErrorOptions) {
    const hint = 'The trouble is on the side of the registry; try again later.';
    super('ERR_REGISTRY_UNAVAILABLE', message, { hint, ...options });
  }
}

/** An answer that the distribution specification doesn't allow there. Not retried. */
export class UnexpectedResponseError extends RegistryError {
  override readonly name = 'UnexpectedResponseError';

  constructor(message: string, options: RegistryErrorOptions) {
    const hint = 'Check that the host is a registry and speaks the distribution specification 1.0.';
    super('ERR_UNEXPECTED_RESPONSE', message, final({ hint, ...options }));
  }
}

/** A partial answer that doesn't begin where asked. The next attempt asks for the whole. */
export class RangeMismatchError extends RegistryError {
  override readonly name = 'RangeMismatchError';

  constructor(message: string, options: RegistryErrorOptions) {
    const hint = 'The next attempt fetches the blob from its beginning.';
    super('ERR_RANGE_MISMATCH', message, { hint, ...options });
  }
}

/** A blob whose length on the server is not the one in the manifest. */
export class BlobLengthError extends RegistryError {
  override readonly name = 'BlobLengthError';

  constructor(message: string, options: RegistryErrorOptions) {
    const hint = 'It was damaged or changed on the server; try again, or another registry.';
    super('ERR_BLOB_LENGTH', message, { hint, ...options });
  }
}

/** A manifest above 4 MiB. Not read any further, not retried. */
export class ManifestTooLargeError extends RegistryError {
  override readonly name = 'ManifestTooLargeError';

  constructor(limit: number, options: RegistryErrorOptions) {
    const hint = 'No registry has to accept a manifest of that size; it is not that of an image.';
    super(
      'ERR_MANIFEST_TOO_LARGE',
      `The manifest is over the limit of ${limit} bytes`,
      final({ hint, ...options }),
    );
  }
}

/** A manifest whose bytes are not those that its digest stands for. Not retried. */
export class ManifestDigestError extends RegistryError {
  override readonly name = 'ManifestDigestError';

  constructor(expected: string, actual: string, options: RegistryErrorOptions) {
    const hint = 'It was damaged or changed on its way or on the server; nothing of it was used.';
    super(
      'ERR_MANIFEST_DIGEST',
      `The manifest has the digest ${actual}, not ${expected}`,
      final({ hint, digest: expected, ...options }),
    );
  }
}

/** A manifest in a form that rxfer doesn't read, such as Docker's schema 1. Not retried. */
export class UnsupportedManifestError extends RegistryError {
  override readonly name = 'UnsupportedManifestError';

  constructor(form: string, options: RegistryErrorOptions) {
    const hint = 'Push the image again with a current tool, which makes an OCI or schema 2 image.';
    super(
      'ERR_UNSUPPORTED_MANIFEST',
      `The image is in the form '${form}', which is not supported`,
      final({ hint, ...options }),
    );
  }
}

/** More redirects than allowed. Not retried. */
export class TooManyRedirectsError extends RegistryError {
  override readonly name = 'TooManyRedirectsError';

  constructor(limit: number, options: RegistryErrorOptions) {
    const hint = 'The registry or a proxy before it sends requests in circles.';
    super(
      'ERR_TOO_MANY_REDIRECTS',
      `More than ${limit} redirects in a row`,
      final({ hint, ...options }),
    );
  }
}

/** A redirect, or the address of a token server, that would leave encryption. Not retried. */
export class InsecureAddressError extends RegistryError {
  override readonly name = 'InsecureAddressError';

  constructor(message: string, options: RegistryErrorOptions) {
    const hint = 'The registry must name an https address here; tell whoever runs it.';
    super('ERR_INSECURE_ADDRESS', message, final({ hint, ...options }));
  }
}

/**
 * None of the hosts that answer for a registry, its mirrors and the registry itself, could do it.
 * `code`, `status` and whether it is retried are those of the failure that decides, its `cause`.
 */
export class HostsFailedError extends RegistryError {
  override readonly name = 'HostsFailedError';
  /** One a host, in the order in which they were asked. */
  readonly failures: readonly RegistryError[];

  constructor(
    failures: readonly RegistryError[],
    decisive: RegistryError,
    options: RegistryErrorOptions,
  ) {
    const { code, hint, status, registryCode, retryAfter } = decisive;
    super(
      code as `ERR_${string}`,
      `No host could do it: ${failures.map(({ message }) => message).join('; ')}`,
      {
        ...(hint === undefined ? {} : { hint }),
        ...(status === undefined ? {} : { status }),
        ...(registryCode === undefined ? {} : { registryCode }),
        ...(retryAfter === undefined ? {} : { retryAfter }),
        ...options,
        cause: decisive,
      },
    );
    this.failures = failures;
  }
}

/** A hosts.toml, or a file that it names, which can't be used. Not retried. */
export class HostsFileError extends RegistryError {
  override readonly name = 'HostsFileError';
  /** The hosts.toml. */
  readonly path: string;

  constructor(path: string, problem: string, options: RegistryErrorOptions = {}) {
    const hint = 'Repair the file (its form: docs/hosts.md of containerd), or take it away.';
    super('ERR_HOSTS_FILE', `${path} can't be used: ${problem}`, final({ hint, ...options }));
    this.path = path;
  }
}

/** A registry for which no host is configured that may do what is asked. Not retried. */
export class NoHostError extends RegistryError {
  override readonly name = 'NoHostError';

  constructor(capability: string, options: RegistryErrorOptions) {
    const hint = "Name a host with that capability in the registry's hosts.toml.";
    super(
      'ERR_NO_HOST',
      `No host of ${options.host ?? 'the registry'} may be asked to ${capability}`,
      final({ hint, ...options }),
    );
  }
}

/** Credentials that can't be read from where people keep them. Not retried. */
export class CredentialsError extends RegistryError {
  override readonly name = 'CredentialsError';

  constructor(message: string, options: RegistryErrorOptions) {
    super('ERR_CREDENTIALS', message, final(options));
  }
}
