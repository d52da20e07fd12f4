import { createRequire } from 'node:module';
import { requireCached } from './code-cache.js';
import { tuneForStart } from './v8-flags.js';

/** Runs the command line, tuned to what it does. */
export function start(): void {
  tuneForStart();
  // Its package.json names the program.
  requireCached(createRequire(import.meta.url).resolve('.'));
}
