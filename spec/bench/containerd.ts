import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { measure, type Cost } from './processes.js';

/** A containerd of the bench's own. */
export interface Containerd {
  /** The folder of its content. */
  readonly root: string;
  /** Runs `ctr` to its end; the cost is that of both, the memory that of the larger one. */
  ctr(...args: string[]): Promise<Cost>;
  /** Ends it. */
  stop(): Promise<void>;
}

/** Starts containerd in a folder; resolves once it answers. */
export async function startContainerd(folder: string): Promise<Containerd> {
  const root = join(folder, 'containerd');
  const address = join(folder, 'containerd.sock');
  const config = join(folder, 'containerd.toml');
  writeFileSync(
    config,
    `version = 2
root = "${root}"
state = "${join(folder, 'state')}"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "${address}"
[ttrpc]
address = "${address}.ttrpc"
`,
  );
  const child = spawn('containerd', ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  while (!log.includes('successfully booted') || !existsSync(address)) {
    if (child.exitCode !== null) throw new Error(`containerd ended:\n${log}`);
    await wait(20);
  }
  return {
    root,
    ctr: async (...args) => {
      const before = usageOf(child);
      const cost = await measure(['ctr', '-a', address, ...args]);
      const after = usageOf(child);
      return {
        wall: cost.wall,
        cpu: cost.cpu + after.cpu - before.cpu,
        memory: Math.max(cost.memory, after.memory),
      };
    },
    stop: async () => {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    },
  };
}

/**
 * What a running process and its children that have ended have used, in ms, and its peak of
 * memory, in bytes.
 */
function usageOf({ pid = 0 }: ChildProcess): { cpu: number; memory: number } {
  // The fields of proc(5)'s stat after the name, which is in brackets: utime is number 14.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpu: ticks * 10, memory: Number(peak) * 1024 };
}
