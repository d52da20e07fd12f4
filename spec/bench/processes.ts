import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** What a process has cost. */
export interface Cost {
  /** Wall time, in ms. */
  readonly wall: number;
  /** Time of the processor, user and system, in ms. */
  readonly cpu: number;
  /** The most memory that was resident, in bytes. */
  readonly memory: number;
}

/** The command line as it was built. */
export const rxferCommand = [process.execPath, join('dist', 'esm', 'cli', 'main.js')] as const;

/** Runs a process to its end and asks the system what it has used. */
export async function measure(command: readonly string[]): Promise<Cost> {
  const begin = performance.now();
  const script = `
    import json, os, resource, subprocess, sys
    code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss]))`;
  const lines = script.split('\n').map((line) => line.trim());
  const child = spawn('python3', ['-c', lines.join('\n'), ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await new Promise((resolve) => child.once('close', resolve));
  const wall = performance.now() - begin;
  const [code = 1, cpu = 0, memory = 0] = JSON.parse(output) as number[];
  if (code !== 0) throw new Error(`${command.join(' ')} exited with ${code}`);
  return { wall, cpu: cpu * 1000, memory: memory * 1024 };
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
