import { createRequire } from 'node:module';
import { requireCached } from './code-cache.js';
import { tuneForStart } from './v8-flags.js';

/** Node's own modules that most commands load. */
const builtIns = [
  'node:child_process',
  'node:constants',
  'node:crypto',
  'node:fs/promises',
  'node:perf_hooks',
  'node:process',
  'node:readline',
  'node:stream/consumers',
  'node:timers/promises',
  'node:tls',
  'node:worker_threads',
  'node:zlib',
];

/** What needs none of them. */
const tellsOfItself = [undefined, 'help', '--help', '-h', 'completion', 'man'];

/**
 * Runs the command line, tuned to what it does.
 *
 * @param command - The first argument.
 */
export function start(command: string | undefined): void {
  const require = createRequire(import.meta.url);
  // Node has them compiled for the flags that V8 begins with, and would compile them anew for others.
  if (!tellsOfItself.includes(command)) for (const name of builtIns) require(name);
  tuneForStart();
  // Its package.json names the program.
  requireCached(require.resolve('.'));
}
