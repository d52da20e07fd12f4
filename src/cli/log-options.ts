import { Option, type Command } from 'commander';

/** How much is told of what happens, from nothing to everything. */
export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const;

/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];

/** What a command tells beside its result and its progress. */
export interface LogOptions {
  readonly debug?: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: 'text' | 'json';
}

/** Adds `--debug`, `--log-level` and `--log-format`. */
export function withLogging(command: Command): Command {
  return command
    .option('--debug', 'show the stack of an error')
    .addOption(
      new Option('--log-level <level>', 'tell on stderr what happens, from this level up')
        .choices(logLevels)
        .env('RXFER_LOG_LEVEL')
        .default('silent'),
    )
    .addOption(
      new Option(
        '--log-format <format>',
        'form of what is told: for people, or a JSON object a line',
      )
        .choices(['text', 'json'])
        .default('text'),
    );
}
