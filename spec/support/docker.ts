import { spawn, type ChildProcess } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { temporaryFolder } from './temporary-folder.js';

/** What a run of the docker client ended in. */
export interface DockerOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of the docker client. */
export interface RunningDocker {
  readonly process: ChildProcess;
  readonly outcome: Promise<DockerOutcome>;
}

/** Starts the real docker client against an engine, with a configuration of its own. */
export function startDocker(
  host: string,
  args: readonly string[],
  config = temporaryFolder(),
): RunningDocker {
  const env = { PATH: process.env['PATH'] ?? '', DOCKER_HOST: host, DOCKER_CONFIG: config };
  const child = spawn('docker', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const outcome = Promise.all([ended, text(child.stdout), text(child.stderr)]).then(
    ([code, stdout, stderr]) => ({ code, stdout, stderr }),
  );
  return { process: child, outcome };
}

/** Runs the docker client to its end; rejects with what it printed when it fails. */
export async function docker(host: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await startDocker(host, args).outcome;
  if (code !== 0) throw new Error(`docker ${args.join(' ')} exits with ${code}: ${stderr}`);
  return stdout;
}
