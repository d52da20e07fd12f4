/**
 * A process that pulls one image into a store, for specs that kill it. It says `ready`, gets the
 * store's folder and the reference, and tells what it comes by, each kind of news once.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createRegistryClient, createRxfer, openDiskStore } from '../../../src/index.js';
import { beforeSteps } from './steps.js';

interface Task {
  readonly directory: string;
  readonly reference: string;
  readonly steps?: Steps;
}

/** What is done before the steps onto the disk, see `steps.ts`. */
export interface Steps {
  /** A file that gets a line a step. */
  readonly log: string;
  /** Only calls with a path below this folder are steps. */
  readonly within: string;
  /** Those that it goes past: it kills itself before the first other one. */
  readonly past?: readonly string[];
  /** A program that is run before each step, with the step's number at the end of its last argument. */
  readonly program?: readonly [name: string, ...options: string[]];
}

function tell(news: object): Promise<void> {
  return new Promise((resolve) => void process.send?.(news, () => resolve()));
}

function take({ log, past, program }: Steps, step: number, what: string): void {
  appendFileSync(log, `${what}\n`);
  if (program !== undefined) {
    const [name, ...options] = program;
    execFileSync(name, [...options.slice(0, -1), `${options.at(-1)}${step}`], { stdio: 'pipe' });
  }
  if (past?.includes(what) === false) process.kill(process.pid, 'SIGKILL');
}

async function pull({ directory, reference, steps }: Task): Promise<void> {
  const registry = createRegistryClient();
  try {
    if (steps) await beforeSteps(steps.within, (step, what) => take(steps, step, what));
    const store = await openDiskStore(directory);
    const rxfer = createRxfer({ store, registry, delay: () => 50 });
    const told = new Set<string>();
    await rxfer.pull(reference).forEach((event) => {
      const kind = event.kind === 'progress' ? event.progress.phase : event.kind;
      if (event.kind === 'result') event.release();
      else if (!told.has(kind)) void tell({ kind });
      told.add(kind);
    });
    await tell({ kind: 'result' });
  } catch (error) {
    const { code, message, path, hint } = error as Record<string, unknown>;
    await tell({ kind: 'error', error: { code, message, path, hint } });
  } finally {
    await registry.close();
    process.disconnect();
  }
}

process.once('message', (task) => void pull(task as Task));
void tell({ kind: 'ready' });
