#!/usr/bin/env node
import { createProgram } from './program.js';
import { exitCodeOf } from './report-error.js';

// Whoever reads our output may have enough of it, as `head` does.
process.stdout.on('error', () => process.exit(0));
process.stderr.on('error', () => process.exit(0));

try {
  await createProgram().parseAsync();
} catch (error) {
  // No exit by force: what is being cleaned up is seen through, and nothing else is left.
  process.exitCode = exitCodeOf(error, process.argv.includes('--debug'));
}
