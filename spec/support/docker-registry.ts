import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The user that a registry started with `htpasswd: registryUser.htpasswd` lets in. */
export const registryUser = {
  username: 'ali',
  password: 'open sesame',
  htpasswd: 'ali:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW',
} as const;

export interface DockerRegistryOptions {
  /** Content of the htpasswd file (bcrypt); without it everybody may do everything. */
  readonly htpasswd?: string;
  /** Whether manifests can be deleted. Default `on`. */
  readonly deletion?: 'on' | 'off';
  /** The folder of its content, which stays. Default: one of its own, removed in the end. */
  readonly data?: string;
  /** More of the configuration, as top-level YAML. */
  readonly config?: string;
}

export interface DockerRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** What it has printed so far. */
  readonly log: string;
  /** Ends the process and removes its files. */
  stop(): Promise<void>;
}

/** Starts Debian's docker-registry on a free loopback port; resolves once it listens. */
export async function startDockerRegistry(
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'rxfer-docker-registry-'));
  const config = join(folder, 'config.yml');
  await writeFile(config, configuration(folder, options));
  await writeFile(join(folder, 'htpasswd'), `${options.htpasswd ?? ''}\n`);
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => (log += text));
  }
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const host = await listening(child, () => log);
    return {
      host,
      get log() {
        return log;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function configuration(
  folder: string,
  { htpasswd, deletion = 'on', data = join(folder, 'data'), config = '' }: DockerRegistryOptions,
): string {
  const auth = `auth:
  htpasswd:
    realm: rxfer
    path: ${join(folder, 'htpasswd')}
`;
  return `version: 0.1
log:
  level: info
storage:
  filesystem:
    rootdirectory: ${data}
  delete:
    enabled: ${deletion === 'on'}
  maintenance:
    uploadpurging:
      enabled: false
http:
  addr: 127.0.0.1:0
  secret: rxfer
${htpasswd === undefined ? '' : auth}${config}
`;
}

async function listening(child: ChildProcess, log: () => string): Promise<string> {
  const ended = once(child, 'exit').then(() => {
    throw new Error(`docker-registry ended before it listened:\n${log()}`);
  });
  for (;;) {
    const host = /listening on (127\.0\.0\.1:\d+)/.exec(log())?.[1];
    if (host !== undefined) return host;
    await Promise.race([ended, ...(child.stderr === null ? [] : [once(child.stderr, 'data')])]);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
