import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** What some work has cost. */
export interface Cost {
  /** Wall time, in ms. */
  readonly wall: number;
  /** Time of the processor, user and system, in ms. */
  readonly cpu: number;
  /** The most memory that was resident, in bytes; of several processes, the largest one's. */
  readonly memory: number;
}

/** What a process that has ended has cost. */
export interface ProcessCost extends Cost {
  /** What the system itself took of its time of the processor, in ms. */
  readonly system: number;
}

/** The command line as it was built: what package.json's `bin` names. */
export const rxferCommand = [process.execPath, builtCommand()] as const;

/** Runs a process to its end and asks the system what it and its children have used. */
export async function measure(command: readonly string[]): Promise<ProcessCost> {
  // Timed in there, so that the start of what measures isn't counted.
  const script = `
    import json, resource, subprocess, sys, time
    begin = time.monotonic()
    code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
    wall = time.monotonic() - begin
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps([code, used.ru_utime, used.ru_stime, used.ru_maxrss, wall]))`;
  const lines = script.split('\n').map((line) => line.trim());
  const child = spawn('python3', ['-c', lines.join('\n'), ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: plainEnvironment(),
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await new Promise((resolve) => child.once('close', resolve));
  const [code = 1, user = 0, system = 0, memory = 0, wall = 0] = JSON.parse(output) as number[];
  if (code !== 0) throw new Error(`${command.join(' ')} exited with ${code}`);
  const cpu = (user + system) * 1000;
  return { wall: wall * 1000, cpu, system: system * 1000, memory: memory * 1024 };
}

/** What several costs come to, one after the other. */
export function sumOf(costs: readonly Cost[]): Cost {
  return {
    wall: costs.reduce((sum, { wall }) => sum + wall, 0),
    cpu: costs.reduce((sum, { cpu }) => sum + cpu, 0),
    memory: Math.max(...costs.map(({ memory }) => memory)),
  };
}

/** The median of each of them. */
export function medianCost(costs: readonly Cost[]): Cost {
  return {
    wall: median(costs.map(({ wall }) => wall)),
    cpu: median(costs.map(({ cpu }) => cpu)),
    memory: median(costs.map(({ memory }) => memory)),
  };
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/**
 * As of a user who has set nothing: of authorities that are named there, Node reads each at every
 * start, which takes longer than the rest of it.
 */
function plainEnvironment(): NodeJS.ProcessEnv {
  const set = new Set(['NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS', 'SSL_CERT_FILE', 'SSL_CERT_DIR']);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !set.has(name)));
}

function builtCommand(): string {
  const { bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { bin: { rxfer: string } };
  return resolve(bin.rxfer);
}
