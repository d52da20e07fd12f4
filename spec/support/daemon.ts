import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';

/** A server program that a spec has started. */
export interface Daemon {
  readonly port: number;
  /** Ends it. */
  stop(): Promise<void>;
}

/**
 * Starts a server that can't choose a port itself, on one that is free; on another when somebody
 * was faster. Resolves once it accepts connections.
 */
export async function startDaemon(start: (port: number) => ChildProcess): Promise<Daemon> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const child = start(port);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    if (await accepts(child, port)) return { port, stop: () => end(child) };
    await end(child);
    if (attempt === 5) throw new Error(`${child.spawnfile} does not start:\n${output}`);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Asks again until it is there or has ended, for 20 seconds at most. */
async function accepts(child: ChildProcess, port: number): Promise<boolean> {
  const until = Date.now() + 20_000;
  while (Date.now() < until && child.exitCode === null && child.signalCode === null) {
    const socket = connect(port, '127.0.0.1');
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** The program's standard streams, as {@link startDaemon} reads them. */
export function spawnDaemon(command: string, ...args: string[]): ChildProcess {
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}
