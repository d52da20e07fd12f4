import { homedir } from 'node:os';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import type { MoveOptions, StoreOptions } from './options.js';
import type { RegistryOptions } from './registry-options.js';

/** The options of `rxfer serve`. */
export interface ServeOptions
  extends StoreOptions, RegistryOptions, Pick<MoveOptions, 'concurrency'> {
  readonly listen: string;
  readonly allowRemote?: boolean;
  /** `true`: at a port that is free. */
  readonly ui?: string | true;
}

/** Adds where to listen. */
export function withListening(command: Command): Command {
  return command
    .addOption(
      new Option('--listen <address>', 'unix:PATH, or tcp:127.0.0.1:PORT').default(
        `unix:${defaultSocket()}`,
        'unix:rxfer.sock in your runtime folder',
      ),
    )
    .option('--allow-remote', 'let others reach a tcp address, who may then do anything with it')
    .option('--ui [address]', 'serve a page that shows what moves, such as at tcp:127.0.0.1:8080');
}

/** Where the dashboard is to listen; `undefined`: nowhere. */
export function dashboardAddress(ui: string | true | undefined): string | undefined {
  return ui === true ? 'tcp:127.0.0.1:0' : ui;
}

function defaultSocket(): string {
  return join(process.env['XDG_RUNTIME_DIR'] ?? join(homedir(), '.local', 'share'), 'rxfer.sock');
}
