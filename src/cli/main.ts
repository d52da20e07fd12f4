import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { createProgram } from './program.js';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads the result may have enough of it, as `head` does.
  if (error.code === 'EPIPE') process.exit();
  console.error(`rxfer: The result can't be written: ${error.message}`);
  process.exit(1);
});
// Progress that nobody reads any more is no reason to stop.
process.stderr.on('error', () => undefined);

void run();

async function run(): Promise<void> {
  try {
    await createProgram(version()).parseAsync();
  } catch (error) {
    // No exit by force: what is being cleaned up is seen through, and nothing else is left.
    process.exitCode = await exitCode(error);
  }
}

async function exitCode(error: unknown): Promise<number> {
  // Commander has had its say: help, the version, or what is wrong with the usage.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const { exitCodeOf } = await import('./report-error.js');
  return exitCodeOf(error, process.argv.includes('--debug'));
}

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
