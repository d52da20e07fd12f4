import type { Command } from 'commander';
import { completionScript, type Shell } from '../completion.js';
import { describeProgram } from '../describe-program.js';

/** `rxfer completion SHELL` */
export function completion(shell: Shell, program: Command): void {
  process.stdout.write(completionScript(describeProgram(program), shell));
}
