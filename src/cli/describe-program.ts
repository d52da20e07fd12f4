import type { Command, Option } from 'commander';
import { examplesOf } from './examples.js';

/** An option as help, manual and completion show it. */
export interface OptionDescription {
  /** Without the dashes. */
  readonly long: string;
  /** Without the dash. */
  readonly short?: string;
  readonly description: string;
  /** The name of its value, if it takes one. */
  readonly value?: string;
  /** Whether the value may be left out. */
  readonly valueIsOptional: boolean;
  readonly choices?: readonly string[];
  readonly defaultText?: string;
}

/** A command as help, manual and completion show it. */
export interface CommandDescription {
  readonly name: string;
  readonly usage: string;
  readonly description: string;
  readonly arguments: readonly {
    readonly name: string;
    readonly description: string;
    readonly choices?: readonly string[];
    /** Whether there may be several of it, all to the end. */
    readonly repeats: boolean;
  }[];
  readonly options: readonly OptionDescription[];
  readonly examples: readonly string[];
}

/** The definitions of the command line, the program's own first. */
export function describeProgram(
  program: Command,
): readonly [CommandDescription, ...CommandDescription[]] {
  const commands = program.createHelp().visibleCommands(program);
  return [describeCommand(program), ...commands.map(describeCommand)];
}

function describeCommand(command: Command): CommandDescription {
  return {
    name: command.name(),
    usage: command.usage(),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      description: argument.description,
      repeats: argument.variadic,
      ...(argument.argChoices === undefined ? {} : { choices: argument.argChoices }),
    })),
    options: command.createHelp().visibleOptions(command).map(describeOption),
    examples: examplesOf(command),
  };
}

function describeOption(option: Option): OptionDescription {
  const { long, short, description, flags, argChoices, negate } = option;
  const [, value] = /[<[](.+)[>\]]/.exec(flags) ?? [];
  const defaultText =
    option.defaultValueDescription ??
    (typeof option.defaultValue === 'string' ? option.defaultValue : undefined);
  return {
    long: (long ?? '').replace(/^--/, ''),
    ...(short === undefined ? {} : { short: short.replace(/^-/, '') }),
    description,
    ...(value === undefined ? {} : { value }),
    valueIsOptional: option.optional,
    ...(argChoices === undefined ? {} : { choices: argChoices }),
    ...(defaultText === undefined || negate ? {} : { defaultText }),
  };
}
