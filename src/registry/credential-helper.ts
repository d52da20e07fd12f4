import { spawn } from 'node:child_process';
import * as v from 'valibot';
import { isFor, keyOf } from './auth-file.js';
import type { Credential } from './client.js';
import type { Environment } from './environment.js';
import { CredentialsError } from './errors.js';

const answer = v.object({ Username: v.optional(v.string(), ''), Secret: v.string() });
const list = v.record(v.string(), v.string());
/** The user name that stands for an identity token in place of a password. */
const tokenUser = '<token>';

/**
 * A program `docker-credential-NAME` that keeps credentials, by the protocol of
 * docker-credential-helpers: a verb as argument, a server or JSON on stdin, JSON on stdout.
 *
 * No error tells what the program printed, which may be what it keeps.
 */
export class CredentialHelper {
  readonly #name: string;
  readonly #environment: Environment;

  constructor(name: string, environment: Environment = process.env) {
    if (!/^[\w.-]+$/.test(name)) {
      throw new CredentialsError(`'${name}' is not the name of a credential helper`, {
        hint: "It is what follows 'docker-credential-' in the name of a program.",
      });
    }
    this.#name = name;
    this.#environment = environment;
  }

  /** What it keeps for a registry; `undefined` where that is nothing. */
  async get(host: string): Promise<Credential | undefined> {
    const direct = await this.#getExactly(keyOf(host));
    if (direct !== undefined) return direct;
    // It may have been stored with a scheme or a path.
    const servers = await this.#listed();
    const other = servers?.find((server) => server !== keyOf(host) && isFor(server, host));
    return other === undefined ? undefined : this.#getExactly(other);
  }

  async store(host: string, username: string, secret: string): Promise<void> {
    const entry = { ServerURL: keyOf(host), Username: username, Secret: secret };
    const { code } = await this.#run('store', JSON.stringify(entry));
    if (code !== 0) throw this.#failure('store', host);
  }

  /** Removes what it keeps for a registry; tells whether there was anything, as far as it lists that. */
  async erase(host: string): Promise<boolean> {
    const listed = await this.#listed();
    const servers = listed?.filter((server) => isFor(server, host)) ?? [keyOf(host)];
    for (const server of servers) {
      const { code } = await this.#run('erase', server);
      if (code !== 0) throw this.#failure('erase', host);
    }
    return servers.length > 0;
  }

  /** The servers that it knows; `undefined` where it can't list them, as those of some clouds. */
  async #listed(): Promise<readonly string[] | undefined> {
    const { code, stdout } = await this.#run('list', '');
    const outcome = v.safeParse(v.pipe(v.string(), v.parseJson(), list), stdout);
    return code === 0 && outcome.success ? Object.keys(outcome.output) : undefined;
  }

  async #getExactly(server: string): Promise<Credential | undefined> {
    const { code, stdout } = await this.#run('get', server);
    if (code !== 0) {
      if (/credentials not found/i.test(stdout)) return undefined;
      throw this.#failure('get', server);
    }
    const outcome = v.safeParse(v.pipe(v.string(), v.parseJson(), answer), stdout);
    if (!outcome.success) throw this.#failure('get', server);
    const { Username: username, Secret: secret } = outcome.output;
    if (username === tokenUser) return { kind: 'identity', token: secret };
    return { kind: 'basic', username, password: secret };
  }

  #failure(verb: string, server: string): CredentialsError {
    return new CredentialsError(
      `The credential helper docker-credential-${this.#name} failed at '${verb}' for ${server}`,
      { hint: `Run docker-credential-${this.#name} yourself to see why.` },
    );
  }

  #run(verb: string, input: string): Promise<{ code: number; stdout: string }> {
    const command = `docker-credential-${this.#name}`;
    return new Promise((resolve, reject) => {
      const child = spawn(command, [verb], {
        stdio: ['pipe', 'pipe', 'ignore'],
        env: this.#environment,
      });
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      // One that doesn't read what it is told will say so by its exit code.
      child.stdin.on('error', () => undefined);
      child.once('error', (cause) => {
        const hint = `Install it, or take '${this.#name}' out of the configuration.`;
        reject(new CredentialsError(`${command} can't be run`, { hint, cause }));
      });
      child.once('close', (code) => resolve({ code: code ?? 1, stdout }));
      child.stdin.end(input);
    });
  }
}
