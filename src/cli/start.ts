import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { requireCached } from './code-cache.js';

const flags = [
  // Bytes on their way lie outside V8's heap, and each 64 MB of them make it mark the heap. Of a
  // heap of some 10 MB that takes a few ms at a time, but a third of all the processor's time when
  // it is done in steps, with threads beside.
  '--no-incremental-marking',
  // The parser of HTTP is WebAssembly. Optimizing it takes longer than all that it does here, and
  // the process can't end meanwhile.
  '--liftoff-only',
  // What ends within a second doesn't repay its optimization.
  '--no-opt',
];
const quick = 1000;

/** Runs the command line, tuned to what it does. */
export function start(): void {
  const setFlags = (): void => flags.forEach((flag) => setFlagsFromString(flag));
  // Before anything is compiled, and when it is kept: V8 takes no code of other flags.
  setFlags();
  process.once('exit', setFlags);
  setTimeout(() => setFlagsFromString('--opt'), quick).unref();

  // Its package.json names the program.
  requireCached(createRequire(import.meta.url).resolve('.'));
}
