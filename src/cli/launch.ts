#!/usr/bin/env node
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { requireCached } from './code-cache.js';

// Before anything is compiled: what was compiled under other flags isn't taken.
// Bytes on their way lie outside V8's heap, and each 64 MB of them make it mark the heap. Of a heap
// of some 10 MB that takes a few ms at a time, but a third of all the processor's time when it is
// done in steps, with threads beside.
setFlagsFromString('--no-incremental-marking');
// The parser of HTTP is WebAssembly. Optimizing it takes longer than all that it does here, and the
// process can't end meanwhile.
setFlagsFromString('--liftoff-only');

// Its package.json names the program.
requireCached(createRequire(import.meta.url).resolve('.'));
