import { text as readAll } from 'node:stream/consumers';
import { lastValueFrom } from 'rxjs';
import { read } from 'read';
import { fromAbortable } from '../../distribution/index.js';
import { parseHost } from '../../oci/index.js';
import { storeLogin, type Login } from '../../registry/index.js';
import { InterruptedError } from '../interrupt.js';
import type { LogOptions } from '../log-options.js';
import { openClient } from '../open-client.js';
import type { RegistryOptions } from '../registry-options.js';
import { untilInterrupted } from '../session.js';
import { UsageError } from '../usage-error.js';

/** The options of `rxfer login`. */
export interface LoginOptions extends RegistryOptions, LogOptions {
  readonly username?: string;
  readonly passwordStdin?: boolean;
}

/** `rxfer login HOST`: keeps a login that the registry has taken. */
export async function login(text: string, options: LoginOptions): Promise<void> {
  const host = parseHost(text);
  const login = await loginFrom(options);
  const client = openClient(options, [host], () => Promise.resolve({ kind: 'basic', ...login }));
  try {
    const check$ = fromAbortable((signal) => client.check(host, signal));
    const access = await lastValueFrom(untilInterrupted(check$));
    if (access === 'open') console.error(`rxfer: ${host} asks for no login, so it wasn't checked`);
  } finally {
    await client.close();
  }
  const place = await storeLogin(host, login);
  console.log(`Logged in to ${host} as ${login.username}; kept in ${place}`);
}

async function loginFrom(options: LoginOptions): Promise<Login> {
  const { passwordStdin = false } = options;
  if (!process.stdin.isTTY && (!passwordStdin || options.username === undefined)) {
    throw new UsageError(
      'There is no terminal to ask for the user name and password on',
      'Give -u USER --password-stdin, and the password on stdin.',
    );
  }
  const username = options.username ?? (await ask('User name: ', 'shown'));
  const password = passwordStdin
    ? (await readAll(process.stdin)).replace(/\r?\n$/, '')
    : await ask('Password: ', 'hidden');
  if (username === '' || password === '') {
    throw new UsageError('The user name or the password is empty', 'Give both.');
  }
  return { username, password };
}

async function ask(prompt: string, echo: 'shown' | 'hidden'): Promise<string> {
  try {
    const answer = read({ prompt, silent: echo === 'hidden', output: process.stderr });
    return await Promise.race([answer, inputEnd()]);
  } catch {
    // Ctrl-C, or the end of the input.
    throw new InterruptedError(130);
  } finally {
    if (echo === 'hidden') process.stderr.write('\n');
  }
}

/** Rejects once nobody reads the terminal any more: read() doesn't settle at the input's end. */
function inputEnd(): Promise<never> {
  return new Promise((_, reject) => {
    // What was read has settled by then.
    const end = (): void => void setImmediate(() => reject(new Error('the input has ended')));
    process.stdin.once('pause', end);
  });
}
