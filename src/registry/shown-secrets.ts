const kept = 100;

/** The secrets that were shown to each host, as far as one may still echo them. */
export class ShownSecrets {
  readonly #byHost = new Map<string, readonly string[]>();

  add(host: string, secrets: readonly string[]): void {
    const before = this.of(host).filter((secret) => !secrets.includes(secret));
    this.#byHost.set(host, [...before, ...secrets].slice(-kept));
  }

  of(host: string): readonly string[] {
    return this.#byHost.get(host) ?? [];
  }
}
