import { defer, finalize, type Observable } from 'rxjs';
import type { Credential, CredentialProvider, RegistryClient } from '../registry/index.js';

/** Makes a client that shows itself to registries as the provider says. */
export type Connect = (credentials: CredentialProvider) => RegistryClient;

/**
 * The clients of those whose requests are under way, one for each credential. A transfer may go on
 * with the client of somebody who has left, for others that share it: so clients are closed when
 * nobody uses any.
 */
export class RegistryClients {
  readonly #connect: Connect;
  readonly #clients = new Map<string, RegistryClient>();
  #uses = 0;

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /** Works with a client that shows the credential to that host alone. */
  use<T>(
    host: string,
    credential: Credential | undefined,
    work: (client: RegistryClient) => Observable<T>,
  ): Observable<T> {
    return defer(() => {
      const client = this.#client(host, credential);
      this.#uses++;
      return work(client).pipe(finalize(() => this.#leave()));
    });
  }

  /** As {@link use}, for what no transfer is made of: with a client that is closed when it is over. */
  useAlone<T>(
    host: string,
    credential: Credential | undefined,
    work: (client: RegistryClient) => Observable<T>,
  ): Observable<T> {
    return defer(() => {
      const client = this.#made(host, credential);
      return work(client).pipe(finalize(() => close(client)));
    });
  }

  #client(host: string, credential: Credential | undefined): RegistryClient {
    const key = credential === undefined ? '' : JSON.stringify([host, credential]);
    const client = this.#clients.get(key) ?? this.#made(host, credential);
    this.#clients.set(key, client);
    return client;
  }

  #made(host: string, credential: Credential | undefined): RegistryClient {
    return this.#connect((asking) => Promise.resolve(asking === host ? credential : undefined));
  }

  #leave(): void {
    this.#uses--;
    if (this.#uses > 0) return;
    for (const client of this.#clients.values()) close(client);
    this.#clients.clear();
  }
}

/** What is cancelled ends with it; that it is closed later is nobody's concern. */
function close(client: RegistryClient): void {
  void client.close().catch(() => undefined);
}
