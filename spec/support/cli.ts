import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { temporaryFolder } from './temporary-folder.js';

/** The built command line, as users get it; `npm test` builds it first. */
export const cliFile = join(__dirname, '../../dist/cli/bin/main.js');
/** The modules that it was bundled from. */
export const cliModules = join(__dirname, '../../dist/esm/cli/main.js');

/** What a run of the command line ended in. */
export interface CliOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of the command line. */
export interface RunningCli {
  readonly process: ChildProcess;
  /** What it has printed to stderr so far. */
  readonly stderr: () => string;
  /** Once it has ended and its output is read. */
  readonly outcome: Promise<CliOutcome>;
}

/** What of this process's environment a run sees: nothing of the user's own settings. */
export function cliEnvironment(home: string): Record<string, string> {
  const path = process.env['PATH'] ?? '';
  // No home of these is used twice, so that keeping compiled code would be in vain.
  return { PATH: path, HOME: home, DOCKER_CONFIG: home, NODE_DISABLE_COMPILE_CACHE: '1' };
}

/** Starts the command line in a home of its own, without a terminal. */
export function startCli(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  input?: string,
  file = cliFile,
): RunningCli {
  if (!existsSync(cliFile)) throw new Error('The command line is not built: npm run build');
  const env = { ...cliEnvironment(temporaryFolder()), ...environment };
  const child = spawn(process.execPath, [file, ...args], {
    env,
    stdio: 'pipe',
  });
  // It may end before it has read what it is told.
  child.stdin.on('error', () => undefined).end(input ?? '');
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const outcome = Promise.all([ended, text(child.stdout)]).then(([code, stdout]) => ({
    code,
    stdout,
    stderr,
  }));
  return { process: child, stderr: () => stderr, outcome };
}

/** Runs the command line to its end. */
export function cli(...args: string[]): Promise<CliOutcome> {
  return startCli(args).outcome;
}
