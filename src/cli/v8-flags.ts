import { setFlagsFromString } from 'node:v8';

const startFlags = [
  // Bytes on their way lie outside V8's heap, and each 64 MB of them make it mark the heap. Of a
  // heap of some 10 MB that takes a few ms at a time, but a third of all the processor's time when
  // it is done in steps, with threads beside.
  '--no-incremental-marking',
  // The parser of HTTP is WebAssembly. Optimizing it takes longer than all that it does here, and
  // the process can't end meanwhile.
  '--liftoff-only',
  // What ends within a second doesn't repay its optimization, nor what runs once the compiling of
  // code for it: Node's own expression for an address takes 3 ms in place of 1.
  '--no-opt',
  '--no-sparkplug',
  '--no-regexp-optimization',
];
const lastingFlags = ['--opt', '--sparkplug', '--regexp-optimization'];
const quick = 1000;

/** `--liftoff-only` has turned the latter two off, which its negation doesn't take back. */
const wasmFlags = ['--no-liftoff-only', '--wasm-tier-up', '--wasm-dynamic-tiering'];

let isAtWork = false;

/**
 * Sets the flags of V8 that a command begins with, and again when it ends: V8 takes no compiled code
 * of other flags, and keeps it then. To be called before anything is compiled.
 */
export function tuneForStart(): void {
  setAll(startFlags);
  process.once('exit', () => setAll(startFlags));
  setTimeout(() => setAll(lastingFlags), quick).unref();
}

/**
 * Has code compiled that is called often, and WebAssembly optimized that isn't compiled yet. To be
 * called once a registry has answered, when blobs come: the parser of HTTP stays as it is then. A
 * decoder of zstd repays it.
 */
export function tuneForWork(): void {
  if (isAtWork) return;
  isAtWork = true;
  setAll(['--sparkplug', ...wasmFlags]);
}

function setAll(flags: readonly string[]): void {
  for (const flag of flags) setFlagsFromString(flag);
}
