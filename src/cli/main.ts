#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { createProgram } from './program.js';
import { exitCodeOf } from './report-error.js';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads the result may have enough of it, as `head` does.
  if (error.code === 'EPIPE') process.exit();
  console.error(`rxfer: The result can't be written: ${error.message}`);
  process.exit(1);
});
// Progress that nobody reads any more is no reason to stop.
process.stderr.on('error', () => undefined);

try {
  await createProgram(version()).parseAsync();
} catch (error) {
  // No exit by force: what is being cleaned up is seen through, and nothing else is left.
  process.exitCode = exitCodeOf(error, process.argv.includes('--debug'));
}

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
