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

  #client(host: string, credential: Credential | undefined): RegistryClient {
    const key = credential === undefined ? '' : JSON.stringify([host, credential]);
    const client =
      this.#clients.get(key) ??
      this.#connect((asking) => Promise.resolve(asking === host ? credential : undefined));
    this.#clients.set(key, client);
    return client;
  }

  #leave(): void {
    this.#uses--;
    if (this.#uses > 0) return;
    // What is cancelled ends with them; that they are closed later is nobody's concern.
    for (const client of this.#clients.values()) void client.close().catch(() => undefined);
    this.#clients.clear();
  }
}
