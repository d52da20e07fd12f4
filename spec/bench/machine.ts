import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import type { Circumstances } from './results.js';

const commands: Readonly<Record<string, readonly string[]>> = {
  rxfer: [process.execPath, '-p', 'require("./package.json").version'],
  skopeo: ['skopeo', '--version'],
  umoci: ['umoci', '--version'],
  podman: ['podman', '--version'],
  containerd: ['containerd', '--version'],
  'docker-registry': ['docker-registry', '--version'],
  pigz: ['pigz', '--version'],
  igzip: ['igzip', '--version'],
};

/** This machine, this day, and what is installed. */
export function circumstances(): Circumstances {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const versions: Record<string, string> = { Node: process.version };
  for (const [name, command] of Object.entries(commands)) {
    const version = versionOf(command);
    if (version !== undefined) versions[name] = version;
  }
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${memory} GiB, Linux ${release()}`,
    versions,
  };
}

function versionOf([program = '', ...args]: readonly string[]): string | undefined {
  try {
    const output = execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
    return /\d+\.\d[^\s,]*/.exec(output)?.[0];
  } catch {
    return undefined;
  }
}
