import { homedir } from 'node:os';
import { extname, join } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { progressModes, timelineEndings, type ProgressOptions } from './progress-options.js';
import type { ForeignLayers } from '../image/index.js';
import { withLogging, type LogOptions } from './log-options.js';
import { withRegistry, type RegistryOptions } from './registry-options.js';

/** The options of all commands that use a store. */
export interface StoreOptions extends LogOptions {
  readonly store: string;
}

/** The options of all commands that move images. */
export interface MoveOptions extends StoreOptions, ProgressOptions, RegistryOptions {
  readonly concurrency?: number;
  readonly format: 'text' | 'json';
  readonly timeline?: string;
  /** As it was typed: what reads it is loaded with the command. */
  readonly platform?: string;
  readonly all?: boolean;
  readonly referrers?: boolean;
  readonly allowForeignLayers?: ForeignLayers;
}

/** The options of all commands that speak to registries and use no store. */
export interface RemoteOptions extends RegistryOptions, LogOptions {
  readonly format: 'text' | 'json';
}

/** Adds `--store` and what {@link withLogging} adds. */
export function withStore(command: Command): Command {
  return withLogging(
    command.addOption(
      new Option('--store <dir>', 'folder of the store').default(
        defaultStore(),
        'your data folder',
      ),
    ),
  );
}

/** Adds `--format`. */
export function withFormat(command: Command): Command {
  return command.addOption(
    new Option('--format <format>', 'form of the result').choices(['text', 'json']).default('text'),
  );
}

/** Adds what goes for all commands that move images. */
export function withMoving(command: Command): Command {
  return withTransfers(withRegistry(withProgress(withFormat(withStore(command)))));
}

/** Adds what goes for all that transfers layers: `--concurrency`, mirrors, `--chunks`. */
export function withTransfers(command: Command): Command {
  return command
    .option('--concurrency <n>', 'layers that move at a time; 0: any number', wholeNumber)
    .option('--mirror <url>', 'ask this server first; may be repeated', mirror)
    .option('--hosts-dir <dir>', "folder of containerd's hosts.toml files")
    .option('--chunks <n>', 'parts of a large layer that are fetched at a time', chunks)
    .option(
      '--upload-chunk-size <size>',
      'upload in chunks, such as 10M; in one piece by default',
      bytes,
    );
}

/** Adds what goes for all commands that speak to registries and use no store. */
export function withRemote(command: Command): Command {
  return withLogging(
    withRegistry(withFormat(command)).option(
      '--hosts-dir <dir>',
      "folder of containerd's hosts.toml files",
    ),
  );
}

/** Adds what goes for the commands that list what a registry has. */
export function withListing(command: Command): Command {
  return withRemote(command).option('--limit <n>', 'entries to list at most', positiveNumber);
}

/** Adds `--progress` and `--no-color`. */
export function withProgress(command: Command): Command {
  return command
    .addOption(
      new Option('--progress <mode>', 'how to show progress')
        .choices(progressModes)
        .default('auto'),
    )
    .option('--no-color', 'draw without colours, as with NO_COLOR in the environment');
}

/** Adds `--timeline`. */
export function withTimelineFile(command: Command): Command {
  return command.option(
    '--timeline <file>',
    'write what happened when, as .html, .svg or .json (Chrome trace events)',
    timelineFile,
  );
}

/** Adds `--platform`. */
export function withPlatform(command: Command): Command {
  return command.option('--platform <os/arch[/variant]>', 'which of the platforms');
}

/** Adds `--all` and `--referrers`. */
export function withAll(command: Command): Command {
  return command
    .option('--all', 'the index with the images of all its platforms, as they are')
    .option(
      '--referrers',
      'what refers to what is moved as well, such as signatures, and what refers to that',
    );
}

/** Adds `--allow-foreign-layers`. */
export function withForeignLayers(command: Command): Command {
  return command.addOption(
    new Option(
      '--allow-foreign-layers [how]',
      'take layers that are kept elsewhere, by their urls: fetch leaves them out of what is ' +
        'pushed, push does not',
    )
      .choices(['fetch', 'push'])
      .preset('fetch'),
  );
}

function defaultStore(): string {
  const data = process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share');
  return process.env['RXFER_STORE'] ?? join(data, 'rxfer');
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 0 up.');
  return Number(text);
}

function positiveNumber(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text))
    throw new InvalidArgumentError('Give a whole number from 1 up.');
  return Number(text);
}

function timelineFile(file: string): string {
  if (timelineEndings.some((ending) => ending === extname(file))) return file;
  throw new InvalidArgumentError(`Let its name end in ${timelineEndings.join(', ')}.`);
}

function bytes(text: string): number {
  const [, count, unit = ''] = /^([1-9]\d{0,5})([KMG]?)$/i.exec(text) ?? [];
  if (count === undefined)
    throw new InvalidArgumentError('Write it as bytes, or as 512K, 10M or 1G.');
  return Number(count) * 1024 ** ' KMG'.indexOf(unit === '' ? ' ' : unit.toUpperCase());
}

function chunks(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1 to 99.');
  return Number(text);
}

function mirror(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^https?:\/\/[^@]+$/.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('Write it as http[s]://host[:port][/path].');
  }
  return [...before, text];
}
