import type { Command } from 'commander';
import { describeProgram } from '../describe-program.js';
import { manPage } from '../man-page.js';

/** `rxfer man` */
export function man(program: Command): void {
  process.stdout.write(manPage(describeProgram(program), program.version() ?? ''));
}
