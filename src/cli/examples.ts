import type { Command } from 'commander';

const known = new WeakMap<Command, readonly string[]>();

/** Adds what people type to the help of a command, and to the manual. */
export function withExamples(command: Command, ...examples: readonly string[]): Command {
  known.set(command, examples);
  const title = examples.length === 1 ? 'Example' : 'Examples';
  const lines = examples.map((example) => `  ${example}`);
  return command.addHelpText('after', `\n${title}:\n${lines.join('\n')}`);
}

/** What {@link withExamples} has added. */
export function examplesOf(command: Command): readonly string[] {
  return known.get(command) ?? [];
}
