import { CommanderError } from 'commander';
import { createProgram } from './program.js';
import { versionOfPackage } from './version.js';

void run();

async function run(): Promise<void> {
  try {
    await createProgram(versionOfPackage()).parseAsync();
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
